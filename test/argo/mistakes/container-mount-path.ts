// A mount path that is not absolute
import { container, volume } from "../../../src/argo/index.ts";

container("build", {}, (c) =>
  c.run({
    image: "node:24",
    command: ["make"],
    // @ts-expect-error
    mounts: { models: volume("models", { emptyDir: {} }) },
  }),
);
