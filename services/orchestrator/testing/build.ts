import type { DeepPartial } from "../gen/taskgrove/v1/job_service.ts";

/** A message of which only some fields matter. */
export type Some<Message> = DeepPartial<Message>;

/** Makes a message; fields that are not given have their defaults. */
export function build<Message>(
  type: { fromPartial(some: never): Message },
  some: Some<NoInfer<Message>> = {} as never,
): Message {
  return type.fromPartial(some as never);
}
