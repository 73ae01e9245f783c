#!/usr/bin/env python3
"""Opens what dellad makes of tiny random models with transformers, tokenizers and peft, and compares the values.

    open-with-transformers.py DELLAD [SUBJECT...]

Subjects are the files of transformers_trials; all by default. Needs transformers, peft, tokenizers, torch.
"""
import importlib, os, sys, tempfile, time, warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
warnings.simplefilter("ignore")

import torch
import transformers

from transformers_trials.trial import Trial

SUBJECTS = ["architectures", "adapters", "random_adapters", "torch_files", "vocabularies", "quantised", "synthesised"]


def main(dellad, *subjects):
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    failures = 0
    for subject in subjects or SUBJECTS:
        with tempfile.TemporaryDirectory() as folder:
            trial, start = Trial(dellad, folder), time.monotonic()
            importlib.import_module("transformers_trials." + subject).run(trial)
            failures += len(trial.failures)
            print(f"open-with-transformers: {subject}: {trial.count - len(trial.failures)} of {trial.count} as they "
                  f"should be, {trial.outputs} merges, {time.monotonic() - start:.0f} s", flush=True)
    sys.exit(1 if failures else 0)


main(*sys.argv[1:])
