// A secret in text
import { container } from "../../../src/argo/index.ts";
import { hub } from "./steps.ts";

container("pull", {}, (c) =>
  c.run({
    image: "hub:1",
    // @ts-expect-error
    command: ["pull", hub.key("token")],
  }),
);
