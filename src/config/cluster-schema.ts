import { z } from "zod";
import { pullPolicy } from "./container-schema.ts";
import { CLUSTER_DEFAULTS, HUB_DEFAULTS } from "./defaults.ts";
import { Env } from "./engine-schema.ts";
import {
  absolutePath,
  belowShare,
  choice,
  cores,
  count,
  duration,
  envName,
  flag,
  labelName,
  list,
  name,
  named,
  objectName,
  optional,
  optionalSection,
  required,
  section,
  size,
  text,
  together,
} from "./fields.ts";

const Toleration = section({
  key: optional(text(), {
    description: "Key of the taint.",
    defaultWords: "every taint",
    examples: ["nvidia.com/gpu"],
  }),
  operator: optional(choice(["Exists", "Equal"]), {
    description: "Whether the taint's value counts.",
    defaultWords: "`Equal` with a value, else `Exists`",
  }),
  value: optional(text(), { description: "Value of the taint.", examples: ["present"] }),
  effect: optional(choice(["NoSchedule", "PreferNoSchedule", "NoExecute"]), {
    description: "What the taint does.",
    defaultWords: "all of them",
  }),
});
export type TolerationConfig = z.infer<typeof Toleration>;

const nodeSelector = (description: string, defaultWords: string) =>
  optionalSection(named(text("the key of a label"), text("the value of a label"), "a mapping of labels"), {
    description,
    defaultWords,
    examples: [{ "node.kubernetes.io/instance-type": "VM.GPU.A10.2" }],
  });

const Pool = section({
  nodeSelector: nodeSelector("Labels of the pool's nodes.", "any node with a GPU"),
  tolerations: optional(list(Toleration, "a list of tolerations"), {
    description: "Taints of the nodes that servers put up with.",
    defaultWords: "that of the GPU resource, `{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}`",
  }),
  runtimeClass: optional(objectName(), {
    description: "Container runtime for GPUs, where the cluster has one of its own.",
    defaultWords: "the cluster's",
    examples: ["nvidia"],
  }),
  gpuResource: optional(text("the name of a resource"), {
    description: "The resource that one GPU is.",
    default: CLUSTER_DEFAULTS.gpuResource,
  }),
  servers: optional(count(1), {
    description: "Servers that may be up at once. More than there are nodes only wait longer.",
    default: CLUSTER_DEFAULTS.servers,
    examples: [2],
  }),
});

const OciFss = section({
  fileSystem: required(text("an OCID"), {
    description: "OCID of the file system.",
    examples: ["ocid1.filesystem.oc1.phx.aaaa"],
  }),
  mountTarget: required(text("an address"), {
    description: "Address of the mount target.",
    examples: ["10.0.10.24"],
  }),
  export: required(absolutePath(), { description: "Path of the export.", examples: ["/llm"] }),
  encryptInTransit: optional(flag(), {
    description: "Encrypts what goes to and fro; the nodes need OCI's package for it.",
    default: false,
  }),
});

const SHARES = ["claim", "nfs", "ociFss", "hostPath"] as const;
const twoShares = {
  anyOf: SHARES.flatMap((one, i) => SHARES.slice(i + 1).map((other) => together(one, other))),
};

const Share = section({
  claim: optional(objectName(), {
    description: "A PersistentVolumeClaim of the namespace that is there already.",
    examples: ["llm-models"],
  }),
  nfs: optional(text("server:/path"), {
    description: "An NFS export.",
    examples: ["10.0.10.24:/llm"],
  }),
  ociFss: optionalSection(OciFss, { description: "OCI File Storage, by its CSI driver." }),
  hostPath: optional(absolutePath(), {
    description: "A folder of the nodes: a share that each has mounted there, or a cluster of one machine.",
    examples: ["/mnt/llm"],
  }),
  folder: optional(belowShare(), {
    description: "Folder below its root that is used.",
    defaultWords: "the root",
    examples: ["models"],
  }),
  mountOptions: optional(list(text("an option of mount"), "a list of mount options"), {
    description: "Options of the NFS mount.",
    defaultWords: "the node's own",
    examples: [["nfsvers=3", "noatime"]],
  }),
  capacity: optional(size(), {
    description: "What the volume says of its size; neither NFS nor FSS looks at it.",
    default: CLUSTER_DEFAULTS.capacity,
  }),
});
export type ShareConfig = z.infer<typeof Share>;

const Storage = section(
  {
    models: required(Share.meta({ not: twoShares }), {
      description: "Models, data sets and tools. Servers see it at `/models` and cannot write to it.",
    }),
    results: required(Share.meta({ not: twoShares }), {
      description: "Runs. `steps.uid` must be allowed to write there.",
    }),
  },
  "a mapping with models and results",
);

const Steps = section(
  {
    image: optional(text("the name of an image"), {
      description: "Image that has llmbench, as `npm run images` makes it.",
      defaultWords: "what `npm run images -- --push` wrote to `images.lock.json`",
      examples: ["registry.example.com/llmbench:0.1.0"],
    }),
    pullPolicy: pullPolicy("When the image is pulled."),
    uid: optional(count(1), {
      description: "User that steps run as.",
      default: CLUSTER_DEFAULTS.uid,
    }),
    gid: optional(count(0), { description: "Its group.", defaultWords: "the number of `uid`" }),
    client: optionalSection(
      section({
        cpu: optional(cores(), {
          description: "CPUs that are asked for.",
          default: CLUSTER_DEFAULTS.client.cpu,
        }),
        memory: optional(size(), {
          description: "Memory that is asked for, and the limit.",
          default: CLUSTER_DEFAULTS.client.memory,
        }),
      }),
      { description: "What the load generator is given. It must never be what a benchmark waits for." },
    ),
    nodeSelector: nodeSelector(
      "Labels of the nodes that steps run on. Wherever that is, they prefer nodes without a GPU.",
      "any node",
    ),
    tolerations: optional(list(Toleration, "a list of tolerations"), {
      description: "Taints of nodes that steps put up with.",
      defaultWords: "those of every pool",
    }),
  },
  "a mapping",
);

const Secret = section({
  name: required(objectName(), { description: "Name of the Secret.", examples: ["ngc-api"] }),
  key: optional(text(), {
    description: "Key in it.",
    defaultWords: "the name that the config has for it",
    examples: ["NGC_API_KEY"],
  }),
});

const offOrOn = { error: () => "expected off, on or a mapping" };
const Artifacts = z.union(
  [
    z.enum(["off", "on"], offOrOn),
    section({
      configMap: optional(objectName(), {
        description: "ConfigMap that describes it, of the namespace or of the controller's.",
        defaultWords: "Argo's own, `artifact-repositories`",
      }),
      key: optional(text(), {
        description: "Key in that ConfigMap.",
        defaultWords: "the one that its annotation names",
        examples: ["reports"],
      }),
    }),
  ],
  offOrOn,
);

const Hub = section({
  env: optionalSection(Env, {
    description:
      "Environment of the containers that fetch: `HF_TOKEN` for gated models (`{secret: NAME}`, never the value), `HF_ENDPOINT` for a mirror, `HTTPS_PROXY`.",
    defaultWords: "none",
    examples: [{ HF_TOKEN: { secret: "HF_TOKEN" } }],
  }),
  atOnce: optional(count(1), {
    description: "Models that are fetched at a time, each over four connections.",
    default: HUB_DEFAULTS.atOnce,
  }),
});

export const Cluster = section({
  namespace: optional(labelName(), {
    description: "Namespace of workflows, steps and servers.",
    default: CLUSTER_DEFAULTS.namespace,
  }),
  pools: required(named(name(), Pool.nullable(), "a mapping of pool names to nodes"), {
    description:
      "Nodes of one kind of hardware each, by a name that stands in the results. A cell runs once in each.",
  }),
  serversPerNode: optional(count(1), {
    description:
      "Servers that one node may hold, counting every namespace. More than one makes every point suspect.",
    default: CLUSTER_DEFAULTS.serversPerNode,
  }),
  storage: required(Storage, { description: "Where models and results lie: shares that every node sees." }),
  steps: optionalSection(Steps, { description: "The containers that deploy, measure and take down." }),
  imagePullSecrets: optional(list(objectName(), "a list of names of Secrets"), {
    description: "Secrets with which images are pulled, steps' and servers'.",
    defaultWords: "none",
    examples: [["ngc-registry"]],
  }),
  secrets: optionalSection(named(envName(), Secret, "a mapping of names to Secrets"), {
    description:
      "Kubernetes Secrets by the name that `env` of an engine or of `hub` has for them (`{secret: NAME}`).",
    defaultWords: "none",
    examples: [{ NGC_API_KEY: { name: "ngc-api" } }],
  }),
  hub: optionalSection(Hub, {
    description: "How models that say `hub` are brought to the models share.",
  }),
  lookBeyondNamespace: optional(flag(), {
    description:
      "Steps may read nodes and list all pods (a ClusterRole), so that other people's pods beside a server are seen. Without it that check says `not looked at`.",
    default: CLUSTER_DEFAULTS.lookBeyondNamespace,
  }),
  readServerUsage: optional(flag(), {
    description:
      "Steps may run commands in their servers' containers (`pods/exec`), to read CPU time and memory there while they measure. Without it these say `not looked at`.",
    default: CLUSTER_DEFAULTS.readServerUsage,
  }),
  networkPolicy: optional(flag(), {
    description: "Servers answer to steps only, and reach nothing themselves.",
    default: CLUSTER_DEFAULTS.networkPolicy,
  }),
  artifacts: optional(Artifacts, {
    description:
      "Puts the report into Argo's artifact repository too, where its UI shows it: `on` for the repository that Argo takes by itself, or which. Where there is none, the run fails at its end.",
    default: CLUSTER_DEFAULTS.artifacts,
    examples: ["on"],
  }),
  deadline: optional(duration(), {
    description: "Longest that a whole run, or the workflow of models, may take; it is stopped then.",
    default: CLUSTER_DEFAULTS.deadline,
  }),
  keep: optionalSection(
    section({
      succeeded: optional(duration(), {
        description: "After success.",
        default: CLUSTER_DEFAULTS.keep.succeeded,
      }),
      failed: optional(duration(), {
        description: "After failure: as long as it can be retried.",
        default: CLUSTER_DEFAULTS.keep.failed,
      }),
    }),
    { description: "How long a finished workflow stays. Its results stay on the share." },
  ),
});
export type ClusterConfig = z.infer<typeof Cluster>;
