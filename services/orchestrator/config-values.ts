/** How one setting's text becomes a value. */
export interface ValueType<T> {
  /** Shown in the help behind the flag. */
  readonly placeholder: string;
  /** Returns undefined for a text that is not such a value. */
  parse(text: string): T | undefined;
  /** What a value must be, to complete "... must be". */
  readonly expected: string;
  /** The text of a value, for the help. */
  format(value: T): string;
}

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;
const DURATION_UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
const BYTES = /^(\d+)(B|KiB|MiB|GiB)?$/;
const BYTE_UNITS = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 } as const;

/** Any text that is not empty. */
export const text: ValueType<string> = {
  placeholder: "TEXT",
  parse: (raw) => (raw === "" ? undefined : raw),
  expected: "a text that is not empty",
  format: (value) => value,
};

/** Path of a database file. SQLite's name for a database in memory is refused: each of the store's connections would get one of its own. */
export const filePath: ValueType<string> = {
  placeholder: "FILE",
  parse: (raw) => (raw === "" || raw.startsWith(":memory:") || raw.startsWith("file:") ? undefined : raw),
  expected: 'the path of a file (to keep nothing use "taskgrove dev --memory")',
  format: (value) => value,
};

/** Where MongoDB is. What is behind the scheme is for the database's driver to judge. */
export const mongoUri: ValueType<string> = {
  placeholder: "URI",
  parse: (raw) => (/^mongodb(\+srv)?:\/\/./.test(raw) ? raw : undefined),
  expected: "a connection string that begins with mongodb:// or mongodb+srv://",
  format: (value) => value,
};

/** Name of a database in MongoDB. */
export const databaseName: ValueType<string> = {
  placeholder: "NAME",
  parse: (raw) => (/^[\w-]{1,63}$/.test(raw) ? raw : undefined),
  expected: "a name of up to 63 letters, digits, _ and -",
  format: (value) => value,
};

/** A TCP port; 0 lets the system choose. */
export const port: ValueType<number> = {
  placeholder: "PORT",
  parse: (raw) => wholeNumber(raw, 0, 65_535),
  expected: "a port from 0 to 65535",
  format: String,
};

/** A length of time, in milliseconds, of at least `min`. A plain 0 needs no unit. */
export function duration(min: number): ValueType<number> {
  return {
    placeholder: "DURATION",
    parse(raw) {
      const match = DURATION.exec(raw);
      const ms = raw === "0" ? 0 : Number(match?.[1]) * DURATION_UNITS[match?.[2] as keyof typeof DURATION_UNITS];
      return Number.isSafeInteger(ms) && ms >= min ? ms : undefined;
    },
    expected: `a duration such as 500ms, 30s, 2m or 7d, at least ${formatDuration(min)}`,
    format: formatDuration,
  };
}

/** A whole number from `min` to `max`. */
export function count(min: number, max: number): ValueType<number> {
  return {
    placeholder: "NUMBER",
    parse: (raw) => wholeNumber(raw, min, max),
    expected: `a whole number from ${min} to ${max}`,
    format: String,
  };
}

/** A size in bytes, from `min` to `max`. */
export function bytes(min: number, max: number): ValueType<number> {
  return {
    placeholder: "SIZE",
    parse(raw) {
      const match = BYTES.exec(raw);
      const size = Number(match?.[1]) * BYTE_UNITS[(match?.[2] ?? "B") as keyof typeof BYTE_UNITS];
      return Number.isSafeInteger(size) && size >= min && size <= max ? size : undefined;
    },
    expected: `a size such as 512B, 64KiB or 16MiB, from ${formatBytes(min)} to ${formatBytes(max)}`,
    format: formatBytes,
  };
}

/** One of a few words. */
export function oneOf<Word extends string>(...words: readonly Word[]): ValueType<Word> {
  return {
    placeholder: words.join("|"),
    parse: (raw) => words.find((word) => word === raw),
    expected: `one of ${words.join(", ")}`,
    format: (value) => value,
  };
}

/** A length of time in the largest unit that keeps it whole. */
export function formatDuration(ms: number): string {
  if (ms === 0) return "0";
  for (const [unit, factor] of Object.entries(DURATION_UNITS)) if (ms % factor === 0) return `${ms / factor}${unit}`;
  return `${ms}ms`;
}

function formatBytes(size: number): string {
  for (const [unit, factor] of Object.entries(BYTE_UNITS)) if (size % factor === 0) return `${size / factor}${unit}`;
  return String(size);
}

function wholeNumber(raw: string, min: number, max: number): number | undefined {
  const value = /^\d+$/.test(raw) ? Number(raw) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
