"""Peer of scripts/bench/corpus.sh: Data-Juicer, one process.

    pip install py-data-juicer==1.6.1 aiohttp selectolax regex
    python corpus_datajuicer.py --in FOLDER --out FOLDER

Does to FOLDER/*.jsonl what the text rules do, with its own operators: clean_html_mapper, replace_content_mapper (repeated marks),
remove_non_chinese_character_mapper, text_length_filter, and flagged_words_filter with words.txt (as it comes, without a tokenizer, it finds only words between
blanks). Prints a line of JSON: seconds and MB (10^6 bytes of text) a second of the whole run as dj-process does it, and of the operators alone, over batches in
memory; seconds of processor time beside both, and by operator.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import time

MARKS = r"([!-/:-@\[-`{-~\u2010-\u2027\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65])\1+"
BATCH = 1000  # its own


def spent():
    t = os.times()
    return t.user + t.system + t.children_user + t.children_system


def alone(process, texts):
    """The operators one after another over batches in memory: kept, seconds, processor seconds, seconds by operator."""
    from data_juicer.ops import load_ops
    from data_juicer.ops.base_op import Filter
    from data_juicer.utils.constant import Fields

    operators = load_ops(process)
    by, kept, start, cpu = {}, 0, time.perf_counter(), spent()
    for at in range(0, len(texts), BATCH):
        samples = {"text": texts[at : at + BATCH]}
        samples[Fields.stats] = [{} for _ in samples["text"]]
        for op in operators:
            began = time.perf_counter()
            if isinstance(op, Filter):
                samples = op.compute_stats_batched(samples)
                keep = list(op.process_batched(samples))
                samples = {k: [x for x, good in zip(v, keep) if good] for k, v in samples.items()}
            else:
                samples = op.process_batched(samples)
            by[op._name] = by.get(op._name, 0) + time.perf_counter() - began
        kept += len(samples["text"])
    return kept, time.perf_counter() - start, spent() - cpu, by


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--in", dest="source", required=True)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    source, out = pathlib.Path(args.source).resolve(), pathlib.Path(args.out).resolve()
    shutil.rmtree(out, ignore_errors=True)
    (out / "words").mkdir(parents=True)
    words = (source / "words.txt").read_text(encoding="utf8").split()
    (out / "words" / "flagged_words.json").write_text(json.dumps({"zh": words}), encoding="utf8")
    files = sorted(source.glob("*.jsonl"))
    texts = [json.loads(line)["text"] for file in files for line in file.open(encoding="utf8")]
    size = sum(len(text.encode()) for text in texts) / 1e6
    process = [
        {"clean_html_mapper": {}},
        {"replace_content_mapper": {"pattern": MARKS, "repl": r"\1"}},
        {"remove_non_chinese_character_mapper": {}},
        {"text_length_filter": {"min_len": 15}},
        {"flagged_words_filter": {"lang": "zh", "max_ratio": 0.0, "flagged_words_dir": str(out / "words")}},
    ]
    recipe = {"project_name": "bench", "np": 1, "use_cache": False, "open_monitor": False, "open_tracer": False, "export_path": str(out / "out.jsonl"),
              "dataset": {"configs": [{"type": "local", "path": str(file)} for file in files]}, "process": process}
    (out / "recipe.json").write_text(json.dumps(recipe), encoding="utf8")

    from data_juicer.config import init_configs
    from data_juicer.core import DefaultExecutor
    from data_juicer.ops import base_op
    from data_juicer.utils import model_utils

    model_utils.free_models = base_op.free_models = lambda *_, **__: None  # no model is used; it would fetch torch, 5 GB, to empty a cache

    alone(process, texts[:100])  # its first use loads what it needs
    kept, inside, inside_cpu, by = alone(process, texts)
    del texts
    config = init_configs(["--config", str(out / "recipe.json")])
    start, cpu = time.perf_counter(), spent()
    left = DefaultExecutor(config).run()
    whole, whole_cpu = time.perf_counter() - start, spent() - cpu
    assert len(left) == kept, (len(left), kept)
    print(json.dumps({"mb": size, "kept": kept, "seconds": whole, "processor": whole_cpu, "mb_per_second": size / whole, "mb_per_processor_second": size / whole_cpu,
                      "operators_seconds": inside, "operators_mb_per_second": size / inside, "operators_mb_per_processor_second": size / inside_cpu,
                      "mb_per_second_by_operator": {k: round(size / v, 1) for k, v in by.items()}}), file=sys.__stdout__)  # its logger takes sys.stdout


main()
