import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { IMAGE_LOCK_FILE, ImageLock } from "../src/config/image-lock.ts";
import { llamacppLauncher } from "../src/engines/llamacpp-launcher.ts";
import { xllamacpp } from "../src/engines/packages.ts";
import { version } from "../src/version.ts";
import { type Builder, findBuilder, run } from "./image-builder.ts";

/**
 * Builds the images under images/ with docker, podman or buildah. Each is tagged with the hash of what it is made of, so
 * that the same content has the same name everywhere, and a cluster that has it need not pull it again.
 */
const usage = `Usage: npm run images -- [options]

  --only NAME            build this one alone: llmbench, simulator, llamacpp-cpu (may be repeated)
  --base-node IMAGE      base of llmbench and simulator (default LLMBENCH_BASE_NODE, else node:24-bookworm-slim)
  --base-python IMAGE    base of llamacpp-cpu (default LLMBENCH_BASE_PYTHON, else python:3.11-slim-bookworm)
  --prefix PREFIX        what local names begin with (default localhost/llmbench)
  --archive DIR          also write each image to DIR as an OCI archive
  --push REGISTRY        push to REGISTRY/NAME and write the digests to images.lock.json, where build finds them
  --insecure             push to a registry that speaks plain HTTP (docker asks its daemon's configuration instead)
  --list                 print names and tags, build nothing
  --builder TOOL         docker, podman or buildah (default: the first that works)
`;

interface Image {
  readonly name: string;
  readonly base: "node" | "python";
  /** Puts the files that decide what the image is into a context: its tag is their hash. */
  fill(context: string): void;
  /** Brings what those files name, each by its hash; not needed to know the tag. */
  complete?(context: string): void;
}

const root = fileURLToPath(new URL("..", import.meta.url));

/** Two images have the bundle; it is made once. */
function addBundle(context: string): void {
  const bundle = join(context, "../bundle");
  if (!existsSync(bundle)) run("node", [join(root, "scripts/bundle.mjs"), bundle]);
  cpSync(join(bundle, "llmbench.mjs"), join(context, "llmbench.mjs"));
}

function nameLlamacpp(context: string): void {
  writeFileSync(join(context, "requirements.txt"), xllamacpp.requirements);
  const launcher = `#!/usr/bin/env python3\n${llamacppLauncher}`;
  writeFileSync(join(context, "llama-server"), launcher, { mode: 0o755 });
}

function bringLlamacpp(context: string): void {
  const pip = "-m pip install --quiet --no-input --no-deps --only-binary :all: --no-compile --require-hashes";
  const files = [
    "--target",
    join(context, "site-packages"),
    "--requirement",
    join(context, "requirements.txt"),
  ];
  run("python3", [...pip.split(" "), ...files]);
  rmSync(join(context, "requirements.txt"));
  rmSync(join(context, "site-packages/bin"), { recursive: true, force: true });
}

const images: readonly Image[] = [
  { name: "llmbench", base: "node", fill: addBundle },
  { name: "simulator", base: "node", fill: addBundle },
  { name: "llamacpp-cpu", base: "python", fill: nameLlamacpp, complete: bringLlamacpp },
];

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    "base-node": { type: "string", default: process.env["LLMBENCH_BASE_NODE"] ?? "node:24-bookworm-slim" },
    "base-python": {
      type: "string",
      default: process.env["LLMBENCH_BASE_PYTHON"] ?? "python:3.11-slim-bookworm",
    },
    prefix: { type: "string", default: "localhost/llmbench" },
    archive: { type: "string" },
    push: { type: "string" },
    insecure: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    builder: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

function fail(message: string): never {
  process.stderr.write(`error: ${message}\n`);
  process.exit(2);
}

const chosen = images.filter(({ name }) => values.only === undefined || values.only.includes(name));
for (const name of values.only ?? []) {
  if (!images.some((image) => image.name === name))
    fail(`there is no image "${name}"; there are ${images.map((image) => image.name).join(", ")}`);
}

/** Files below a folder, sorted, as paths relative to it. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Hashes what the image is made of. */
function hashOf(context: string, base: string): string {
  const hash = createHash("sha256").update(`${base} ${process.arch}`);
  for (const path of filesBelow(context))
    hash.update(`\0${path}\0`).update(readFileSync(join(context, path)));
  return hash.digest("hex").slice(0, 12);
}

/** Makes modes the same everywhere. */
function evenModes(context: string): void {
  for (const path of filesBelow(context)) {
    const file = join(context, path);
    chmodSync(file, (statSync(file).mode & 0o111) === 0 ? 0o644 : 0o755);
  }
}

/** The digests of what is pushed now take the place of those before; other images keep theirs. */
function writeLock(pushed: ImageLock): void {
  const path = join(root, IMAGE_LOCK_FILE);
  const before = existsSync(path) ? ImageLock.parse(JSON.parse(readFileSync(path, "utf8"))) : {};
  writeFileSync(path, `${JSON.stringify({ ...before, ...pushed }, null, 2)}\n`);
  process.stdout.write(`digests: ${relative(process.cwd(), path)}\n`);
}

const builder: Builder | undefined = values.list ? undefined : findBuilder(values.builder, fail);
const work = mkdtempSync(join(tmpdir(), "llmbench-images-"));
const pushed: ImageLock = {};
try {
  for (const image of chosen) {
    const context = join(work, image.name);
    mkdirSync(context);
    cpSync(join(root, "images", image.name, "Dockerfile"), join(context, "Dockerfile"));
    image.fill(context);
    const base = image.base === "node" ? values["base-node"] : values["base-python"];
    const tag = `${version}-${hashOf(context, base)}`;
    const local = `${values.prefix}-${image.name}:${tag}`.replace("llmbench-llmbench", "llmbench");
    process.stdout.write(`${local}\n`);
    if (builder === undefined) continue;
    image.complete?.(context);
    evenModes(context);
    builder.build(context, local, base);
    if (values.archive !== undefined) {
      mkdirSync(values.archive, { recursive: true });
      builder.archive(local, join(values.archive, `${image.name}-${tag}.tar`));
    }
    if (values.push !== undefined) {
      const remote = `${values.push.replace(/\/+$/, "")}/${image.name}`;
      pushed[image.name] = `${remote}@${builder.push(local, `${remote}:${tag}`, values.insecure)}`;
    }
  }
  if (values.push !== undefined) writeLock(pushed);
} finally {
  rmSync(work, { recursive: true, force: true });
}
