import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import type { SetExitCode } from "../program.ts";
import { addJobCancel, addJobRetry } from "./job-control.ts";
import { addJobGet, addJobList } from "./job-show.ts";
import { addJobSubmit } from "./job-submit.ts";
import { addJobTree } from "./job-tree.ts";
import { addJobWatch } from "./job-watch.ts";

/** Adds `taskgrove job …`. */
export function addJobCommands(program: Command, io: CliIo, setExitCode: SetExitCode): void {
  const job = program.command("job").alias("jobs").description("submit, show and steer jobs");
  addJobSubmit(job, io, setExitCode);
  addJobList(job, io);
  addJobGet(job, io);
  addJobTree(job, io);
  addJobWatch(job, io, setExitCode);
  addJobCancel(job, io);
  addJobRetry(job, io, setExitCode);
}
