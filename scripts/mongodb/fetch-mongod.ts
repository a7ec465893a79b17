// Fetches a mongod for this machine into the folder that is the only argument. A process of its own, so that the installer can give up
// on a download that hangs. Downloads only when it is asked to: the package has no install script and its import fetches nothing.
import { MongoBinary } from "mongodb-memory-server-core";

const [downloadDir = ""] = process.argv.slice(2);
try {
  await MongoBinary.getPath({ downloadDir });
} catch (error) {
  console.error(error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : error);
  process.exitCode = 1;
}
