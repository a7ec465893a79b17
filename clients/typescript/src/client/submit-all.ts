import type { JobSubmission, SubmissionResult } from "./options.ts";
import type { SubmitStream } from "./submit-stream.ts";

/** Submits with at most `window` in flight; results come in the order of their answers. */
export async function* submitAll(
  stream: SubmitStream,
  submissions: Iterable<JobSubmission> | AsyncIterable<JobSubmission>,
  window: number,
): AsyncGenerator<SubmissionResult> {
  const results: SubmissionResult[] = [];
  let inFlight = 0;
  let index = 0;
  let wake = () => {};
  const answered = (result: SubmissionResult) => {
    inFlight--;
    results.push(result);
    wake();
  };
  const nextAnswer = () => (results.length > 0 ? undefined : new Promise<void>((resolve) => (wake = resolve)));
  for await (const { name, tasks, options } of submissions) {
    const position = index++;
    inFlight++;
    stream.submit(name, tasks, options).then(
      (job) => answered({ index: position, ok: true, ...job }),
      (error: Error) => answered({ index: position, ok: false, error }),
    );
    if (inFlight >= window) await nextAnswer();
    yield* results.splice(0);
  }
  while (inFlight > 0 || results.length > 0) {
    await nextAnswer();
    yield* results.splice(0);
  }
}
