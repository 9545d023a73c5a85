import type { ITemplate } from "@kubernetes-models/argo-workflows/argoproj.io/v1alpha1/Template";
import type { IContainer } from "kubernetes-models/v1/Container";
import type { IEnvVar } from "kubernetes-models/v1/EnvVar";
import type { IVolumeMount } from "kubernetes-models/v1/VolumeMount";
import { bodyHandles } from "./body.ts";
import type { Handles, Inputs, None, PodOutputs, SuspendOutputs } from "./declare.ts";
import { DefinitionError } from "./error.ts";
import {
  checkOwner,
  type Owner,
  type Reference,
  render,
  type TextLike,
  type Use,
  type Value,
  value,
} from "./handle.ts";
import { applyPatch } from "./patch.ts";
import type { In } from "./place.ts";
import { type PodOptions, writePodOptions } from "./pod-options.ts";
import { type Duration, inSeconds, type Resources, writeResources } from "./quantity.ts";
import { callerSite } from "./site.ts";
import type { EnvSource, Volume } from "./sources.ts";
import { node, type Template, writeInputs, writePodOutputs } from "./template.ts";

/** A volume at a path: whole and writable, or as said. */
export type Mount =
  | Volume
  | { readonly volume: Volume; readonly readOnly?: boolean; readonly subPath?: string };

/** What runs in a pod. */
export interface ContainerOptions<Here> extends PodOptions<Here> {
  readonly image: TextLike<Here>;
  /** Needed: without it, the controller asks the image's registry what the image would run. */
  readonly command: readonly [TextLike<Here>, ...(readonly TextLike<Here>[])];
  readonly args?: readonly TextLike<Here>[];
  readonly env?: Readonly<Record<string, TextLike<Here> | EnvSource>>;
  readonly workingDir?: TextLike<Here>;
  readonly resources?: { readonly requests?: Resources; readonly limits?: Resources };
  /** By the path at which the pod sees it. */
  readonly mounts?: Readonly<Record<`/${string}`, Mount>>;
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  readonly securityContext?: IContainer["securityContext"];
}

interface ScriptOptions<Here> extends ContainerOptions<Here> {
  readonly source: TextLike<Here>;
}

/** That the body ran something; only `run` gives one. */
export interface Ran {
  readonly ran: true;
}

type FileNames<Declared> = {
  [Name in keyof Declared]: Declared[Name] extends { readonly path: string } | { readonly kind: "artifact" }
    ? Name
    : never;
}[keyof Declared];

/** What a pod's body has at hand. */
export interface PodBody<I, O, Here, Options> {
  readonly inputs: Handles<I, Here>;
  /** The paths of artifacts and of outputs that lie in files. */
  readonly files: { readonly [Name in FileNames<I> | FileNames<O>]: string };
  /** The pod's own name. */
  readonly podName: Value<string, Here>;
  run(options: Options): Ran;
}

/**
 * A template that runs one container.
 *
 *     const greet = container("greet", { inputs: { whom: string() } }, (c) =>
 *       c.run({ image: "busybox:1.37", command: ["echo", text`hello ${c.inputs.whom}`] }),
 *     );
 */
export function container<const Name extends string, I extends Inputs = None, O extends PodOutputs = None>(
  name: Name,
  io: { readonly inputs?: I; readonly outputs?: O },
  body: <Scope>(c: PodBody<I, O, In<Name, Scope>, ContainerOptions<In<Name, Scope>>>) => Ran,
): Template<I, O> {
  return pod(name, io, body as never, (options: ContainerOptions<never>, use) => ({
    container: writeContainer(options, use),
  }));
}

/** A template that runs a script; what it prints can be its output (`stdout()`). */
export function script<const Name extends string, I extends Inputs = None, O extends PodOutputs = None>(
  name: Name,
  io: { readonly inputs?: I; readonly outputs?: O },
  body: <Scope>(c: PodBody<I, O, In<Name, Scope>, ScriptOptions<In<Name, Scope>>>) => Ran,
): Template<I, O> {
  return pod(name, io, body as never, (options: ScriptOptions<never>, use) => ({
    script: { ...writeContainer(options, use), source: render(options.source, use) },
  }));
}

/** A template that waits: for a time, or until a person lets the workflow go on and supplies the outputs. */
export function suspend<O extends SuspendOutputs = None>(
  name: string,
  options: { readonly outputs?: O; readonly duration?: Duration } = {},
): Template<None, O> {
  const outputs = options.outputs ?? ({} as O);
  const written = writePodOutputs(outputs);
  const { duration } = options;
  const manifest: ITemplate = {
    name,
    ...(written === undefined ? {} : { outputs: written }),
    suspend: duration === undefined ? {} : { duration: String(inSeconds(duration)) },
  };
  const site = callerSite();
  return Object.freeze({
    name,
    inputs: {},
    outputs,
    [node]: { manifest, uses: [], claims: [], site, tasks: new Map() },
  });
}

function pod<I extends Inputs, O extends PodOutputs>(
  name: string,
  io: { readonly inputs?: I; readonly outputs?: O },
  body: (c: object) => unknown,
  write: (options: ScriptOptions<never>, use: Use) => Partial<ITemplate>,
): Template<I, O> {
  const site = callerSite();
  const inputs = io.inputs ?? ({} as I);
  const outputs = io.outputs ?? ({} as O);
  const owner: Owner = { template: name };
  const use = (reference: Reference) => checkOwner(reference, owner);
  let given: ScriptOptions<never> | undefined;
  body({
    inputs: bodyHandles(inputs, owner),
    files: filePaths(inputs, outputs),
    podName: value("{{pod.name}}", { owner }),
    run: (options: ScriptOptions<never>) => {
      given = options;
      return { ran: true };
    },
  });
  if (given === undefined) {
    throw new DefinitionError(
      "ARGO_BODY_NOT_RUN",
      `The body of "${name}" runs nothing.`,
      "Call run({ … }) in it.",
    );
  }
  const volumes = volumesOf(name, given.mounts ?? {});
  const written = { inputs: writeInputs(inputs), outputs: writePodOutputs(outputs) };
  const sources = volumes.flatMap(({ name, source }) => (source === undefined ? [] : [{ name, ...source }]));
  const manifest: ITemplate = {
    name,
    ...(written.inputs === undefined ? {} : { inputs: written.inputs }),
    ...(written.outputs === undefined ? {} : { outputs: written.outputs }),
    ...writePodOptions(given, use),
    ...write(given, use),
    ...(sources.length === 0 ? {} : { volumes: sources }),
  };
  const claims = volumes.flatMap(({ claim }) => (claim === undefined ? [] : [claim]));
  return Object.freeze({
    name,
    inputs,
    outputs,
    [node]: { manifest: applyPatch(manifest, given.patch), uses: [], claims, site, tasks: new Map() },
  });
}

function writeContainer(options: ContainerOptions<never>, use: Use): IContainer {
  const mounts = Object.entries(options.mounts ?? {}).map(([mountPath, mount]): IVolumeMount => {
    const { readOnly = false, subPath }: { readOnly?: boolean; subPath?: string } =
      "volume" in mount ? mount : {};
    return {
      name: volumeOf(mount).name,
      mountPath,
      ...(readOnly ? { readOnly } : {}),
      ...(subPath === undefined ? {} : { subPath }),
    };
  });
  const { requests, limits } = options.resources ?? {};
  return {
    name: "main",
    image: render(options.image, use),
    command: options.command.map((word) => render(word, use)),
    ...(options.args === undefined ? {} : { args: options.args.map((word) => render(word, use)) }),
    ...(options.env === undefined ? {} : { env: writeEnv(options.env, use) }),
    ...(options.workingDir === undefined ? {} : { workingDir: render(options.workingDir, use) }),
    ...(options.imagePullPolicy === undefined ? {} : { imagePullPolicy: options.imagePullPolicy }),
    ...(options.resources === undefined
      ? {}
      : {
          resources: {
            ...(requests === undefined ? {} : { requests: writeResources(requests) }),
            ...(limits === undefined ? {} : { limits: writeResources(limits) }),
          },
        }),
    ...(options.securityContext === undefined ? {} : { securityContext: options.securityContext }),
    ...(mounts.length === 0 ? {} : { volumeMounts: mounts }),
  };
}

const writeEnv = (env: NonNullable<ContainerOptions<never>["env"]>, use: Use): IEnvVar[] =>
  Object.entries(env).map(([name, source]) =>
    isEnvSource(source) ? { name, valueFrom: source.from } : { name, value: render(source, use) },
  );

const isEnvSource = (source: unknown): source is EnvSource =>
  typeof source === "object" && source !== null && "kind" in source && source.kind === "env";

const volumeOf = (mount: Mount): Volume => ("volume" in mount ? mount.volume : mount);

/** The volumes that a template mounts, each once. */
function volumesOf(template: string, mounts: Readonly<Record<string, Mount>>): readonly Volume[] {
  const found = new Map<string, Volume>();
  for (const volume of Object.values(mounts).map(volumeOf)) {
    const known = found.get(volume.name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(volume)) {
      throw new DefinitionError(
        "ARGO_DUPLICATE_VOLUME",
        `"${template}" mounts two volumes named "${volume.name}".`,
        "Give each volume a name of its own.",
      );
    }
    found.set(volume.name, volume);
  }
  return [...found.values()];
}

function filePaths(inputs: Inputs, outputs: PodOutputs): Record<string, string> {
  const declared = [...Object.entries(inputs), ...Object.entries(outputs)];
  return Object.fromEntries(
    declared.flatMap(([name, each]) =>
      "path" in each && each.path !== undefined ? [[name, each.path]] : [],
    ),
  );
}
