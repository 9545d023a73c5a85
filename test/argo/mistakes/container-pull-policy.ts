// A value that Argo does not know
import { container } from "../../../src/argo/index.ts";

container("build", {}, (c) =>
  c.run({
    image: "node:24",
    command: ["make"],
    // @ts-expect-error
    imagePullPolicy: "Allways",
  }),
);
