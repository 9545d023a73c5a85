import { expect, test } from "vitest";
import { describeExit, hintFor, isPortTaken } from "../../src/servers/failure.ts";

const failed = { code: 1, signal: null };

// Last words of real engines.
test.each([
  [
    "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
    "port",
  ],
  ["E srv         start: couldn't bind HTTP server socket, hostname: 127.0.0.1, port: 18997", "port"],
  ["torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 224.00 MiB.", "GPU has too little"],
  [
    "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4096.00 MiB on device 0: cudaMalloc failed: out of memory",
    "GPU has too little",
  ],
  [
    "ValueError: The model's max seq len (8192) is larger than the maximum number of tokens that can be stored in KV cache (4096).",
    "KV cache",
  ],
  ["terminate called after throwing an instance of 'std::bad_alloc'", "too little memory"],
  ["RuntimeError: No CUDA GPUs are available", "needs a GPU"],
  ["E gguf_init_from_reader: invalid magic characters: 'garb', expected 'GGUF'", "cannot read the model"],
  ["OSError: Error no file named model.safetensors found in directory /m", "cannot read the model"],
  ["FileNotFoundError: [Errno 2] No such file or directory: '/m/config.json'", "is not there"],
  ["ValueError: Model architectures ['FooForCausalLM'] are not supported for now.", "architecture"],
  ["ModuleNotFoundError: No module named 'vllm'", "Python module is missing"],
  ["api_server.py: error: unrecognized arguments: --disable-log-requests", "does not know an argument"],
  ["error: invalid argument: --foo", "does not know an argument"],
  ["OSError: [Errno 28] No space left on device", "disk is full"],
])("%s", (line, hint) => {
  expect(hintFor(["INFO starting", line], failed)).toContain(hint);
});

test("the way a process ended speaks where its log does not", () => {
  expect(hintFor(["loading"], { code: null, signal: "SIGKILL" })).toContain("memory");
  expect(hintFor(["loading"], { code: 132, signal: null })).toContain("instructions");
  expect(hintFor([], undefined)).toContain("log");
  expect(describeExit({ code: 2, signal: null })).toBe("exited with status 2");
  expect(describeExit({ code: null, signal: "SIGSEGV" })).toBe("was ended by SIGSEGV");
  expect(describeExit(undefined)).toBe("exited");
});

test("only a taken port counts as one", () => {
  expect(isPortTaken(["[Errno 98] Address already in use"])).toBe(true);
  expect(isPortTaken(["CUDA out of memory"])).toBe(false);
});
