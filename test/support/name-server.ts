import { createSocket } from 'node:dgram';
import type { RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import ipaddr from 'ipaddr.js';

/** Addresses of the type that was asked for, another name, an error, or nothing at all. */
export type DnsAnswer = readonly string[] | { readonly cname: string } | keyof typeof RCODES | 'silence' | 'garbage';

export interface NameServer {
  /** `127.0.0.1:<port>`. */
  readonly address: string;
  /** What was asked, such as `A pub.example`. */
  readonly questions: readonly string[];
  /** From the next question on. */
  answer: (type: 'A' | 'AAAA', name: string) => DnsAnswer;
  stop(): Promise<void>;
}

const RCODES = { formatError: 1, serverFailure: 2, noSuchName: 3, refused: 5 } as const;
const TYPES = new Map([
  [1, 'A'],
  [28, 'AAAA'],
] as const);
const CNAME = 5;
const HEAD = 12;

/** A name server on loopback, over UDP, that says what it is told to: see RFC 1035. Knows no name until it is told one. */
export async function startNameServer(): Promise<NameServer> {
  const socket = createSocket('udp4');
  const questions: string[] = [];

  socket.on('message', (query: Buffer, { port, address }: RemoteInfo) => {
    const labels: string[] = [];
    let at = HEAD;
    for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const typeCode = query.readUInt16BE(at + 1);
    const question = query.subarray(HEAD, at + 5);
    const type = TYPES.get(typeCode as 1 | 28) ?? 'A';
    const name = labels.join('.').toLowerCase();
    questions.push(`${type} ${name}`);

    const answer = server.answer(type, name);
    if (answer === 'silence') return;
    const packet = answer === 'garbage' ? Buffer.from('garbage') : respond(query, question, typeCode, answer);
    socket.send(packet, port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');

  const server: NameServer = {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    answer: () => 'noSuchName',
    async stop() {
      socket.close();
      await once(socket, 'close');
    },
  };
  return server;
}

function respond(
  query: Buffer,
  question: Buffer,
  type: number,
  answer: Exclude<DnsAnswer, 'silence' | 'garbage'>,
): Buffer {
  const records =
    typeof answer === 'string'
      ? []
      : 'cname' in answer
        ? [record(CNAME, nameBytes(answer.cname))]
        : answer.map((address) => record(type, Buffer.from(ipaddr.parse(address).toByteArray())));
  const head = Buffer.alloc(HEAD);
  query.copy(head, 0, 0, 2);
  // An answer, recursion asked for and available.
  head.writeUInt16BE(0x8180 | (typeof answer === 'string' ? RCODES[answer] : 0), 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, question, ...records]);
}

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  // The name is the one of the question.
  head.writeUInt16BE(0xc000 | HEAD, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}
