/** Further facts of a log record, by name. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where the SDK and tasks log to. A pino or winston logger is adapted in four lines. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** How serious a record is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

const severity: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** A logger that writes one line per record to stderr, from `level` on. */
export function createStderrLogger(level: LogLevel = "info"): Logger {
  const write = (recordLevel: LogLevel, message: string, fields?: LogFields) => {
    if (severity[recordLevel] < severity[level]) return;
    process.stderr.write(`${new Date().toISOString()} ${recordLevel} ${message}${formatFields(fields)}\n`);
  };
  return createLogger(write);
}

/** A logger that adds `fields` to every record. */
export function withFields(logger: Logger, fields: LogFields): Logger {
  return createLogger((level, message, more) => logger[level](message, more ? { ...fields, ...more } : fields));
}

function createLogger(write: (level: LogLevel, message: string, fields?: LogFields) => void): Logger {
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
  };
}

function formatFields(fields: LogFields | undefined): string {
  if (!fields) return "";
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${formatValue(value)}`)
    .join("");
}

function formatValue(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(value.message);
  if (typeof value === "string") return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
