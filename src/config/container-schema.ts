import {
  choice,
  cores,
  count,
  optional,
  optionalSection,
  required,
  section,
  size,
  text,
  words,
} from "./fields.ts";

const PULL_POLICIES = ["Always", "IfNotPresent", "Never"] as const;

export const pullPolicy = (description: string) =>
  optional(choice(PULL_POLICIES), { description, default: "IfNotPresent" });

const Resources = section({
  gpus: optional(count(0, 64), {
    description: "GPUs of the server. 0 for an engine that computes on the CPU.",
    defaultWords: "`settings.tensorParallel`, else 1",
    examples: [2],
  }),
  cpu: optional(cores(), {
    description: "CPUs that are asked for; more may be used.",
    defaultWords: "4 for each GPU",
    examples: [8],
  }),
  memory: optional(size(), {
    description: "Memory that is asked for, and the limit.",
    defaultWords: "for each GPU 24Gi; NIM 48Gi, llama.cpp 8Gi; a simulated engine 512Mi",
    examples: ["64Gi"],
  }),
  sharedMemory: optional(size(), {
    description: "Size of `/dev/shm`. What is used of it counts as memory.",
    defaultWords: "16Gi; llama.cpp: the container runtime's",
    examples: ["16Gi"],
  }),
});

const User = section({
  uid: required(count(0), { description: "User the server runs as." }),
  gid: optional(count(0), { description: "Its group.", defaultWords: "the number of the user" }),
});

/** What an engine's container is, where the config has a cluster. An override may change all of it. */
export const containerKeys = {
  image: optional(text("the name of an image"), {
    description:
      "Container image, on a cluster. A tag that begins with a version says the `version`, too. With a digest (`…@sha256:…`) it is the same image for ever.",
    defaultWords: "the makers' image of `version`",
    examples: ["docker.io/vllm/vllm-openai:v0.6.4"],
  }),
  command: optional(words(), {
    description:
      "Command that starts the server in its container, before its arguments, on a cluster. `{host}`, `{port}`, `{model}` and `{name}` are filled in; a command that has `{port}` says everything itself.",
    defaultWords: "the engine's own",
    examples: ["vllm serve"],
  }),
  resources: optionalSection(Resources, { description: "What the container is given, on a cluster." }),
  user: optionalSection(User, {
    description:
      "User the container runs as, on a cluster. Engines whose images start as root need it where a namespace allows no root; not every image works then.",
    defaultWords: "NIM and llama.cpp: 1000; else the image's own, root",
    examples: [{ uid: 2000, gid: 0 }],
  }),
  pullPolicy: pullPolicy("When the image is pulled, on a cluster."),
};
