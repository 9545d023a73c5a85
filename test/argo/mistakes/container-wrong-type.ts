// A field of the wrong type
import { container } from "../../../src/argo/index.ts";

// @ts-expect-error
container("build", {}, (c) => c.run({ image: "node:24", command: "make" }));
