/** One parameter of a URL's query. */
interface Parameter {
  readonly name: string;
  readonly value: string;
  /** As it stands in the URL: `%sub%` may decode to something else. */
  readonly raw: string;
}

/** What a hop made of the parameters that it was given; names, each once, in the order of the URLs. */
export interface Passage {
  /** Same name, same value. */
  readonly kept: readonly string[];
  /** Same value under another name; `to` is null if it went into the path or the fragment. */
  readonly renamed: readonly { readonly from: string; readonly to: string | null }[];
  /** Same name, other value: usually the hop's own ID. */
  readonly replaced: readonly string[];
  /** Neither the name nor the value went on. */
  readonly lost: readonly string[];
  /** Neither the name nor the value was there before. */
  readonly added: readonly string[];
}

/** The parameters that have a value: an empty one is a missing one. */
export function parametersOf(url: URL): Parameter[] {
  return url.search
    .slice(1)
    .split('&')
    .flatMap((pair) => {
      const [entry] = new URLSearchParams(pair);
      return entry === undefined || entry[1] === ''
        ? []
        : [{ name: entry[0], value: entry[1], raw: pair.slice(pair.indexOf('=') + 1) }];
    });
}

/** Follows each value from the URL that a hop was asked for to the one that it sends the visitor to. */
export function comparePassage(asked: URL, location: URL): Passage {
  const before = parametersOf(asked);
  const after = parametersOf(location);
  const stands = (list: readonly Parameter[], { name, value }: Parameter) =>
    list.some((other) => other.name === name && other.value === value);
  const named = (list: readonly Parameter[], name: string) => list.some((other) => other.name === name);
  // A value that stays under its own name has not come from another one that happens to be equal.
  const fresh = after.filter((parameter) => !stands(before, parameter));
  const elsewhere = new Set([...location.pathname.split('/'), location.hash.slice(1)].map(decoded));

  const moved = before
    .filter((parameter) => !stands(after, parameter))
    .map(({ name, value }) => {
      const to = fresh.find((other) => other.value === value)?.name ?? null;
      return { name, renamed: to !== null || elsewhere.has(value), to };
    });
  const stayed = moved.filter(({ renamed }) => !renamed).map(({ name }) => name);
  return {
    kept: unique(before.filter((parameter) => stands(after, parameter)).map(({ name }) => name)),
    renamed: moved.filter(({ renamed }) => renamed).map(({ name, to }) => ({ from: name, to })),
    replaced: unique(stayed.filter((name) => named(after, name))),
    lost: unique(stayed.filter((name) => !named(after, name))),
    added: unique(
      fresh
        .filter(({ name, value }) => !named(before, name) && !before.some((other) => other.value === value))
        .map(({ name }) => name),
    ),
  };
}

/** Broken escapes are kept literally. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}
