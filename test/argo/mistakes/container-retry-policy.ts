// A retry policy that does not exist
import { container } from "../../../src/argo/index.ts";

container("build", {}, (c) =>
  c.run({
    image: "node:24",
    command: ["make"],
    // @ts-expect-error
    retry: { limit: 2, policy: "OnCrash" },
  }),
);
