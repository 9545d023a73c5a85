/** How a server process ended, where that was seen. */
export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

const portTaken = /address already in use|errno 98|couldn't bind|bind.*failed|EADDRINUSE/i;

/** What the log of a server that failed tells, and what to do. The first that matches decides. */
const knownFailures: readonly { readonly pattern: RegExp; readonly hint: string }[] = [
  {
    pattern: portTaken,
    hint: "Another program took the port. Leave the port to llmbench: write {port} in the command.",
  },
  {
    pattern:
      /CUDA out of memory|OutOfMemoryError|cudaMalloc failed|No available memory for the cache blocks/i,
    hint: "The GPU has too little free memory: lower contextLength or gpuMemoryShare, take a smaller model, and see with nvidia-smi what else uses it.",
  },
  {
    pattern:
      /larger than the maximum number of tokens that can be stored in KV cache|KV cache.*(larger|not enough|insufficient)/i,
    hint: "The context does not fit the memory left for the KV cache: lower contextLength, or raise gpuMemoryShare.",
  },
  {
    pattern: /out of memory|Cannot allocate memory|std::bad_alloc|MemoryError|failed to allocate/i,
    hint: "There is too little memory: lower contextLength or maxConcurrentRequests, or take a smaller model.",
  },
  {
    pattern:
      /no CUDA-capable device|CUDA driver version is insufficient|No CUDA GPUs are available|Failed to infer device type|libcuda\.so/i,
    hint: "This build needs a GPU that it cannot see: check nvidia-smi and CUDA_VISIBLE_DEVICES, or use a CPU build (llmbench engines).",
  },
  {
    pattern: /Bfloat16 is only supported on GPUs/i,
    hint: 'This GPU has no bfloat16: set dtype to "half".',
  },
  {
    pattern: /Illegal instruction|SIGILL/,
    hint: "This build of the engine uses instructions that the processor lacks: use another build.",
  },
  {
    pattern:
      /invalid magic|not a valid GGUF|failed to load model|unknown model architecture|Error no file named|does not appear to have a file named/i,
    hint: "The engine cannot read the model's files: check that the path is right, the download complete and the format the engine's (GGUF for llama.cpp, a Hugging Face folder for the others).",
  },
  {
    pattern:
      /No such file or directory|FileNotFoundError|Repository Not Found|is not a valid model identifier|OfflineModeIsEnabled|couldn't connect to .huggingface/i,
    hint: "A file that the engine needs is not there: check the model's path. Nothing is downloaded at start.",
  },
  {
    pattern:
      /are not supported for now|not supported architecture|Model architectures .* are not supported|Unsupported model/i,
    hint: "This version of the engine does not know the model's architecture: take a newer engine or another model.",
  },
  {
    pattern: /ModuleNotFoundError|ImportError|No module named/i,
    hint: "A Python module is missing: check process.venv or process.command, or see `llmbench engines`.",
  },
  {
    pattern: /unrecognized arguments?|invalid argument|unknown argument|no such option|Unexpected argument/i,
    hint: "The engine does not know an argument: see `args` and the engine's version in the config.",
  },
  {
    pattern: /Permission denied|EACCES/i,
    hint: "The engine may not read or run a file: check its permissions.",
  },
  {
    pattern: /No space left on device|ENOSPC/i,
    hint: "The disk is full.",
  },
];

/** A sentence on how a process ended. */
export function describeExit(exit: Exit | undefined): string {
  if (exit?.signal === "SIGKILL") return "was killed (SIGKILL)";
  if (exit?.signal != null) return `was ended by ${exit.signal}`;
  if (exit?.code != null) return `exited with status ${exit.code}`;
  return "exited";
}

/** What to do, from the log's last lines and the way a server ended. */
export function hintFor(lines: readonly string[], exit: Exit | undefined): string {
  const text = lines.join("\n");
  const known = knownFailures.find(({ pattern }) => pattern.test(text));
  if (known !== undefined) return known.hint;
  if (exit?.signal === "SIGKILL" || exit?.code === 137) {
    return "Something killed it, most likely the kernel for want of memory (see dmesg): take a smaller model or context.";
  }
  if (exit?.signal === "SIGILL" || exit?.code === 132) {
    return "This build of the engine uses instructions that the processor lacks: use another build.";
  }
  return "See its log; run its command by hand to see it fail.";
}

/** True when a server could not have its port. */
export function isPortTaken(lines: readonly string[]): boolean {
  return portTaken.test(lines.join("\n"));
}
