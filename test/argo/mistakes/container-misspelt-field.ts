// A misspelt field
import { container } from "../../../src/argo/index.ts";

container("build", {}, (c) =>
  c.run({
    image: "node:24",
    command: ["make"],
    // @ts-expect-error
    enviroment: { CI: "1" },
  }),
);
