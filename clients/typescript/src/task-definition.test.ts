import { describe, expect, it } from "vitest";
import { BytesTask, namedTask, Task } from "./task.ts";
import { defineTask, definitionOf } from "./task-definition.ts";

class Plain extends Task {
  override execute(): void {}
}

class Named extends Task {
  static readonly identifier = ["example.com/Named", "v1.13"] as const;
  override execute(): void {}
}

describe("a task's definition", () => {
  it("defaults to the class name and v0.0", () => {
    expect(defineTask(Plain)).toMatchObject({ name: "Plain", version: "v0.0", encoding: "json" });
  });

  it("takes the identifier of the class", () => {
    expect(defineTask(Named)).toMatchObject({ name: "example.com/Named", version: "v1.13", major: 1, minor: 13 });
  });

  it("does not take the identifier of a base class, but its encoding", () => {
    class Derived extends Named {}
    class Raw extends BytesTask {
      override execute(): void {}
    }
    expect(defineTask(Derived).name).toBe("Derived");
    expect(defineTask(Raw)).toMatchObject({ name: "Raw", encoding: "bytes" });
  });

  it("can be carried by the task itself", () => {
    const task = namedTask(["example.com/Elsewhere", "v2.0"], { n: 1 });
    expect(definitionOf(task)).toMatchObject({ name: "example.com/Elsewhere", version: "v2.0", encoding: "auto" });
  });

  it.each(["1.0", "v1", "v1.0.0", "v1.x", ""])("refuses version %j", (version) => {
    class Bad extends Task {
      static readonly identifier = ["Bad", version] as const;
      override execute(): void {}
    }
    expect(() => defineTask(Bad)).toThrow(TypeError);
  });
});
