import { container, string, text, workflow } from "../src/argo/index.ts";

const greet = container("greet", { inputs: { whom: string({ default: "world" }) } }, (c) =>
  c.run({ image: "busybox:1.37", command: ["echo", text`hello, ${c.inputs.whom}`] }),
);

export default workflow({ generateName: "hello-" }, { entry: greet });
