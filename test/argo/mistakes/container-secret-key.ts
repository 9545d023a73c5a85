// A key that the secret does not have
import { container } from "../../../src/argo/index.ts";
import { hub } from "./steps.ts";

container("pull", {}, (c) =>
  c.run({
    image: "hub:1",
    command: ["pull"],
    // @ts-expect-error
    env: { TOKEN: hub.key("tokn") },
  }),
);
