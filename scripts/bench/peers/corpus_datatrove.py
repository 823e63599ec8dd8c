"""Peer of scripts/bench/corpus.sh: datatrove, one process.

    pip install "datatrove[io,processing]==0.10.1" lxml_html_clean spacy jieba
    python corpus_datatrove.py --in FOLDER --out FOLDER

Does to FOLDER/*.jsonl what the text rules do: markup away, repeated marks collapsed, other characters than Chinese, English and punctuation away, short
documents dropped, and sentences with a word of words.txt. Its blocks for a user's own function carry one regular expression each: the least that does the work.
Its own blocks for pages and quality (trafilatura, C4 with our list of words, Gopher) are measured beside them, on the first documents. Prints a line of JSON: seconds and MB (10^6 bytes of text) a second of the whole run, and of the blocks alone, over documents in memory;
seconds of processor time beside both, and by block.
"""

import argparse
import html
import json
import pathlib
import re
import shutil
import time

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import C4BadWordsFilter, LambdaFilter
from datatrove.pipeline.formatters.base import BaseFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

TAGS = re.compile(r"<!--.*?-->|<[^<>]+>", re.DOTALL)
REPEATED = re.compile(r"([!-/:-@\[-`{-~\u2010-\u2027\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65])\1+")
OTHER = re.compile(r"[^\n -~\u2010-\u2027\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uff65]+")

SENTENCE = re.compile(r"[^。！？!?\n]*[。！？!?\n]*[”’」』]*")


class Markup(BaseFormatter):
    name = "markup"

    def format(self, text):
        return html.unescape(TAGS.sub("", text))


class Marks(BaseFormatter):
    name = "repeated marks"

    def format(self, text):
        return REPEATED.sub(r"\1", text)


class Characters(BaseFormatter):
    name = "characters"

    def format(self, text):
        return OTHER.sub("", text)


class Sentences(BaseFormatter):
    name = "sentences with a bad word"

    def __init__(self, words):
        super().__init__()
        self.bad = re.compile("|".join(map(re.escape, words)))

    def format(self, text):
        if not self.bad.search(text):
            return text
        return "".join(s for s in SENTENCE.findall(text) if not self.bad.search(s))


def bad_words(words):
    bad = C4BadWordsFilter(default_language="zh")
    bad._badwords_regex["zh"] = re.compile("|".join(map(re.escape, words)))  # its own list would be downloaded
    return bad


def blocks(words):
    return [Markup(), Marks(), Characters(), Sentences(words), LambdaFilter(lambda doc: len(doc.text) >= 15)]


def through(steps, documents):
    stream = iter(documents)
    for step in steps:
        stream = step.run(stream)
    return sum(1 for _ in stream)


def own(words, texts):
    """MB per processor second of each of its own blocks, over some texts without markup; of the extractor over pages made of them."""
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import C4QualityFilter, GopherQualityFilter, GopherRepetitionFilter

    size, speeds = sum(len(t.encode()) for t in texts) / 1e6, {}
    filters = {
        "C4QualityFilter": C4QualityFilter(filter_no_terminal_punct=False, min_num_sentences=-1, min_words_per_line=-1, language="zho"),
        "C4BadWordsFilter": bad_words(words),
        "GopherRepetitionFilter": GopherRepetitionFilter(language="zho"),
        "GopherQualityFilter": GopherQualityFilter(language="zho"),
    }
    for name, step in filters.items():
        step.filter(Document(text=texts[0], id="warm"))
        start = time.process_time()
        for i, text in enumerate(texts):
            step.filter(Document(text=text, id=str(i)))
        speeds[name] = round(size / (time.process_time() - start), 2)
    extractor = Trafilatura()
    extractor.extract("<html><body><p>warm</p></body></html>")
    start = time.process_time()
    for text in texts:
        extractor.extract("<html><body><article><p>" + text.replace("\n", "</p><p>") + "</p></article></body></html>")
    speeds["Trafilatura"] = round(size / (time.process_time() - start), 2)
    return speeds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--in", dest="source", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--own", type=int, default=200, help="documents for its own blocks; 0 leaves them out")
    args = parser.parse_args()
    source = pathlib.Path(args.source)
    words = (source / "words.txt").read_text(encoding="utf8").split()
    texts = [json.loads(line)["text"] for file in sorted(source.glob("*.jsonl")) for line in file.open(encoding="utf8")]
    size = sum(len(text.encode()) for text in texts) / 1e6
    documents = [Document(text=text, id=str(i)) for i, text in enumerate(texts)]
    start, cpu = time.perf_counter(), time.process_time()
    kept = through(blocks(words), documents)
    inside, inside_cpu = time.perf_counter() - start, time.process_time() - cpu
    speeds = own(words, [Markup().format(t) for t in texts[: args.own]]) if args.own else {}
    del documents, texts
    shutil.rmtree(args.out, ignore_errors=True)
    shutil.rmtree(args.out + "-logs", ignore_errors=True)
    pipeline = [JsonlReader(str(source), glob_pattern="*.jsonl"), *blocks(words), JsonlWriter(args.out, compression=None)]
    executor = LocalPipelineExecutor(pipeline=pipeline, tasks=1, workers=1, logging_dir=args.out + "-logs")
    start, cpu = time.perf_counter(), time.process_time()
    executor.run()
    whole, whole_cpu = time.perf_counter() - start, time.process_time() - cpu
    print(json.dumps({"mb": size, "kept": kept, "seconds": whole, "processor": whole_cpu, "mb_per_second": size / whole, "mb_per_processor_second": size / whole_cpu,
                      "blocks_seconds": inside, "blocks_mb_per_second": size / inside, "blocks_mb_per_processor_second": size / inside_cpu,
                      "own_blocks_mb_per_processor_second": speeds}))


main()
