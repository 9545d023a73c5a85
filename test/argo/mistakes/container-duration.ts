// A length of time without a unit
import { container } from "../../../src/argo/index.ts";

container("build", {}, (c) =>
  c.run({
    image: "node:24",
    command: ["make"],
    // @ts-expect-error
    deadline: "90",
  }),
);
