import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import type { TaskContext } from "../context.ts";
import { Task } from "../task.ts";
import { startScriptedRunner } from "../testing-internal/scripted-runner.ts";

class Nothing extends Task {
  override execute(): void {}
}

describe("subtasks that do not fit in one message", () => {
  class Fans extends Task<number> {
    override execute(context: TaskContext): void {
      const first = context.submitSubtasks(Array.from({ length: this.input }, () => new Nothing()));
      context.submitSubtask(new Nothing(), { dependsOn: first });
    }
  }
  const limits = { maxMessageBytes: 100_000, maxSubtasksPerFrame: 10, maxInputBytes: 1_000 };

  it("go ahead in parts, of which only a few may be unanswered", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Fans] });
    scripted.stream.welcome({ limits });
    const lease = scripted.stream.grantOne({ name: "Fans", input: 75 });
    const parts = [];
    for (let number = 0; number < 4; number++) parts.push(await scripted.stream.nextPart());
    for (let number = 4; number < 7; number++) {
      expect(scripted.stream.waitingParts).toBe(0);
      scripted.stream.accept(lease, number - 4);
      parts.push(await scripted.stream.nextPart());
    }
    expect(parts.map((part) => part.number)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (let number = 3; number < 7; number++) scripted.stream.accept(lease, number);
    const outcome = await scripted.stream.nextOutcome();
    const computed = outcome.result?.$case === "computed" ? outcome.result.value : undefined;
    expect(computed?.parts).toBe(7);
    expect(computed?.subtasks?.firstGroup).toBe(0);
    expect(computed?.subtasks?.groups.map(({ dependsOn, tasks }) => [dependsOn, tasks.length])).toEqual([
      [[], 5],
      [[0], 1],
    ]);
  });

  it("are sent again after a lost stream, as far as they were not acknowledged", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Fans] });
    scripted.stream.welcome({ limits });
    const lease = scripted.stream.grantOne({ name: "Fans", input: 25 });
    await scripted.stream.nextPart();
    const lost = await scripted.stream.nextPart();
    scripted.stream.accept(lease, 0);
    scripted.stream.fail(status.UNAVAILABLE, "gone");
    const second = await scripted.server.nextStream();
    second.welcome({ limits });
    expect(await second.nextPart()).toEqual(lost);
    second.accept(lease, 1);
    expect((await second.nextOutcome()).result).toMatchObject({ $case: "computed", value: { parts: 2 } });
  });

  it("fail the attempt for good when a part is refused", async () => {
    await using scripted = await startScriptedRunner({ tasks: [Fans] });
    scripted.stream.welcome({ limits });
    const lease = scripted.stream.grantOne({ name: "Fans", input: 25 });
    scripted.stream.refuse(lease, "LIMIT_EXCEEDED", "too many", (await scripted.stream.nextPart()).number);
    scripted.stream.accept(lease, (await scripted.stream.nextPart()).number);
    expect((await scripted.stream.nextOutcome()).result).toMatchObject({
      $case: "failed",
      value: { error: { reason: "LIMIT_EXCEEDED", message: "too many" }, nonRetryable: true },
    });
  });

  it("fail the attempt for good when one input is over the limit, naming it", async () => {
    class Big extends Task<string> {
      override execute(context: TaskContext): void {
        context.submitSubtask(new Big("x".repeat(1_000)));
      }
    }
    await using scripted = await startScriptedRunner({ tasks: [Big] });
    scripted.stream.welcome({ limits });
    scripted.stream.grantOne({ name: "Big", input: "" });
    expect((await scripted.stream.nextOutcome()).result).toMatchObject({
      value: {
        error: { message: "input of a subtask is 1002 bytes; the limit max_input_bytes is 1000" },
        nonRetryable: true,
      },
    });
  });
});

it("fails an attempt for good whose outcome no message can hold", async () => {
  class Verbose extends Task {
    override execute({ currentTask }: TaskContext): void {
      currentTask.display = "x".repeat(200_000);
    }
  }
  await using scripted = await startScriptedRunner({ tasks: [Verbose] });
  scripted.stream.welcome({ limits: { maxMessageBytes: 100_000, maxSubtasksPerFrame: 10, maxInputBytes: 1_000 } });
  scripted.stream.grantOne({ name: "Verbose" });
  expect((await scripted.stream.nextOutcome()).result).toMatchObject({
    value: { error: { message: expect.stringContaining("the limit max_message_bytes is 100000") }, nonRetryable: true },
  });
});
