/** Checks that what is in compose.yaml, deploy/kubernetes and deploy/prometheus fits together, and to the programs. */
import { findAlertProblems } from "./alerts.ts";
import { findComposeProblems } from "./compose.ts";
import { loadDeployFiles } from "./files.ts";
import { findKubernetesProblems } from "./kubernetes.ts";

const files = loadDeployFiles();
const problems = [...findComposeProblems(files), ...findKubernetesProblems(files), ...(await findAlertProblems(files))];
for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length === 0)
  process.stdout.write("compose.yaml, the Kubernetes manifests and the alert rules fit together.\n");
else process.exitCode = 1;
