/**
 * What runs in the pod that reads the results share. The image of the steps has Node for certain, a tar that can be relied
 * on perhaps not; and one pass gives each file with its checksum.
 */

/** Args: folder of runs, run. Prints JSON: the run's files, or the runs that are there where it is not. */
export const listScript = `
const fs = require("fs"), path = require("path");
const [, base, run] = process.argv;
const root = path.join(base, run), files = [];
const walk = (folder) => {
  for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
    const name = folder === "" ? entry.name : folder + "/" + entry.name;
    if (entry.isDirectory()) walk(name);
    if (!entry.isFile() || /^\\.lock-/.test(entry.name)) continue;
    // It may have been renamed since the folder was read.
    const stat = fs.statSync(path.join(root, name), { throwIfNoEntry: false });
    if (stat) files.push([name, stat.size, Math.round(stat.mtimeMs)]);
  }
};
if (fs.existsSync(path.join(root, "run.json"))) walk("");
const runs = files.length > 0 ? [] : fs.readdirSync(base).filter((name) => fs.existsSync(path.join(base, name, "run.json")));
process.stdout.write(JSON.stringify({ files, runs }));
`;

/** Args: folder of the run, JSON of names. Prints for each a line of JSON (name, size), its bytes, and a line with their SHA-256. */
export const sendScript = `
const fs = require("fs"), path = require("path"), { createHash } = require("crypto");
const [, root, names] = process.argv;
const write = (part) => new Promise((resolve, reject) => process.stdout.write(part, (error) => error ? reject(error) : resolve()));
(async () => {
  for (const name of JSON.parse(names)) {
    let file;
    try { file = fs.openSync(path.join(root, name), "r"); }
    catch (error) { if (error.code === "ENOENT") continue; throw error; }
    const { size, mtimeMs } = fs.fstatSync(file), hash = createHash("sha256");
    await write(JSON.stringify({ name, size, mtimeMs: Math.round(mtimeMs) }) + "\\n");
    for (let left = size; left > 0; ) {
      const part = Buffer.alloc(Math.min(left, 1 << 20)), read = fs.readSync(file, part);
      if (read === 0) throw new Error(name + " became shorter while it was read");
      hash.update(part.subarray(0, read));
      await write(part.subarray(0, read));
      left -= read;
    }
    fs.closeSync(file);
    await write(JSON.stringify({ sha256: hash.digest("hex") }) + "\\n");
  }
})().catch((error) => { process.stderr.write(error.message); process.exitCode = 1; });
`;

/** Waits to be asked, and goes at once when it is asked to. */
export const waitScript = `process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1 << 30);`;
