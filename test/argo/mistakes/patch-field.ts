// A patch with a field that Argo does not have
import { container } from "../../../src/argo/index.ts";

container("build", {}, (c) =>
  c.run({
    image: "node:24",
    command: ["make"],
    // @ts-expect-error
    patch: { hostAlias: [{ ip: "127.0.0.1" }] },
  }),
);
