import type { Breaker, EndpointState, EndpointStore } from '../../../lambdas/core/ports.ts';

const CLOSED: Breaker = { openings: 0, openUntil: null };

interface FakeEndpoints extends EndpointStore {
  readonly endpoints: Map<string, EndpointState>;
}

/** Endpoints in memory; passes the contract suite of the real store. Nothing awaits inside, so every call is atomic. */
export function fakeEndpoints(): FakeEndpoints {
  const endpoints = new Map<string, EndpointState>();
  const stateOf = (endpoint: string): EndpointState =>
    endpoints.get(endpoint) ?? { slots: new Map(), breaker: CLOSED, calls: new Map() };
  const store = (endpoint: string, state: EndpointState): EndpointState => {
    endpoints.set(endpoint, state);
    return state;
  };

  return {
    endpoints,

    async take(endpoint, { slot, now, leaseUntil, breaker }) {
      const state = stateOf(endpoint);
      const isFree = (state.slots.get(slot) ?? -Infinity) <= now;
      if (!isFree || !isSame(state.breaker, breaker)) return { taken: false, state };
      const probing = breaker.openUntil === null ? breaker : { ...breaker, openUntil: leaseUntil };
      const slots = new Map(state.slots).set(slot, leaseUntil);
      return { taken: true, state: store(endpoint, { ...state, slots, breaker: probing }) };
    },

    async settle(endpoint, { slot, leaseUntil, bucket, made, failed, forget }) {
      const state = stateOf(endpoint);
      if (state.slots.get(slot) !== leaseUntil) return state;
      const slots = without(state.slots, [slot]);
      const calls = without(state.calls, forget);
      const before = calls.get(bucket) ?? { made: 0, failed: 0 };
      if (made > 0) calls.set(bucket, { made: before.made + made, failed: before.failed + failed });
      return store(endpoint, { ...state, slots, calls });
    },

    async turn(endpoint, from, to, forget) {
      const state = stateOf(endpoint);
      if (!isSame(state.breaker, from)) return false;
      store(endpoint, { ...state, breaker: to, calls: without(state.calls, forget) });
      return true;
    },
  };
}

function isSame(one: Breaker, other: Breaker): boolean {
  return one.openings === other.openings && one.openUntil === other.openUntil;
}

function without<T>(map: ReadonlyMap<number, T>, keys: readonly number[]): Map<number, T> {
  return new Map([...map].filter(([key]) => !keys.includes(key)));
}
