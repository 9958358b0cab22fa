import { Failure, UsageError } from '../terminal.ts';
import type { Terminal } from '../terminal.ts';
import { printable } from '../text.ts';

/** What an answer must look like to be worth sending; the API looks closer. */
interface Form {
  readonly fits: (answer: string) => boolean;
  /** What an answer that does not fit is not. */
  readonly words: string;
}

export const ID: Form = {
  fits: (answer) => /^[A-Za-z0-9_-]{1,64}$/.test(answer),
  words: 'no ID: letters, digits, "-" and "_", 64 at most',
};

export const AMOUNT: Form = {
  fits: (answer) => /^\d{1,12}(\.\d{1,6})?$/.test(answer),
  words: 'no amount, as 2.50',
};

export const CURRENCY: Form = { fits: (answer) => /^[A-Z]{3}$/.test(answer), words: 'no currency, as USD' };

export const WEB_URL: Form = {
  fits: (answer) => URL.canParse(answer) && /^https?:$/.test(new URL(answer).protocol),
  words: 'no URL that begins with https:// or http://',
};

/** Something that an option tells, or else somebody at the terminal. */
export interface Question<Option extends string = string> {
  readonly option: Option;
  readonly text: string;
  readonly form: Form;
  /** What it is if nothing is typed; '' is nothing at all. Without one there must be an answer. */
  readonly suggestion?: string;
  /** Whether the suggestion will do where nothing else has to be asked. */
  readonly optional?: true;
}

type Given<Option extends string> = { readonly [option in Option]?: string | undefined };

/** Refuses what was given and does not fit: nobody likes to type on, only to hear that it was in vain. */
export function checkGiven<Option extends string>(questions: readonly Question<Option>[], given: Given<Option>): void {
  for (const question of questions) {
    const answer = given[question.option];
    if (answer !== undefined) checked(question, answer, `--${question.option}: `);
  }
}

/** The options that must be given where nobody can be asked, and are not. */
export function missingOptions<Option extends string>(
  questions: readonly Question<Option>[],
  given: Given<Option>,
): string[] {
  return questions
    .filter(({ option, optional }) => optional !== true && given[option] === undefined)
    .map(({ option }) => `--${option}`);
}

/** An answer to each question: what was given, or is typed in. Nobody is asked for what is optional alone. */
export async function answersTo<Option extends string>(
  questions: readonly Question<Option>[],
  given: Given<Option>,
  terminal: Terminal,
): Promise<Record<Option, string>> {
  const answers: Partial<Record<Option, string>> = {};
  const isComplete = missingOptions(questions, given).length === 0;
  for (const question of questions) {
    const { option, text, suggestion } = question;
    const hint = suggestion === undefined ? '' : ` [${suggestion || 'none'}]`;
    const use = (typed: string) => checked(question, typed || (suggestion ?? ''));
    const answer = given[option] ?? (isComplete ? suggestion : undefined);
    answers[option] = answer ?? (await insist(`${text}${hint}`, use, terminal));
  }
  return answers as Record<Option, string>;
}

function checked({ form, suggestion }: Question, answer: string, where = ''): string {
  if (form.fits(answer) || (answer === '' && suggestion === '')) return answer;
  throw new UsageError(`${where}'${answer}' is ${form.words}`);
}

/** A terminal whose input has ended answers nothing, for ever. */
const TRIES = 3;

/** Asks until `use` can make something of what is typed in; then says what is wrong, and asks again, a few times. */
export async function insist<T>(
  question: string,
  use: (typed: string) => T | Promise<T>,
  terminal: Terminal,
  options: { readonly secret?: boolean } = {},
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await use((await terminal.ask?.(question, options)) ?? '');
    } catch (error) {
      const wrong = error instanceof UsageError || error instanceof Failure;
      if (!wrong || tries === TRIES) throw error;
      terminal.err(printable(error.message));
    }
  }
}
