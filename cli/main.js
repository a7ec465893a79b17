#!/usr/bin/env node
// Plain JavaScript in the syntax of old versions: whatever Node runs this, it gets as far as the sentence below.
const needed = 24;
const major = Number(process.versions.node.split(".")[0]);

if (major < needed) {
  process.stderr.write(
    `taskgrove needs Node ${needed} or later; this is Node ${process.versions.node}. ` +
      'In the workspace, "npx taskgrove" runs it on the right one.\n',
  );
  process.exitCode = 70;
} else {
  // What goes wrong with a connection is told in our own words; the gRPC library need not say it once more.
  process.env.GRPC_VERBOSITY ??= "NONE";
  import("./cli.ts").then(({ runProcess }) => runProcess());
}
