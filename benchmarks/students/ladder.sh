#!/bin/bash
# Students of 1,500 pairs, three seeds, each rung with one more part of the recipe; the same direct transfer for all.
#     benchmarks/students/ladder.sh out/de DATA/target_ner/de_germeval2014_dev.conll.gz study/de out/de/consensus/<fingerprint>
set -euo pipefail
labels=$1 gold=$2 out=$3 consensus=$4

rung() { # name, then settings
    local name=$1
    shift
    xner study --config benchmarks/students/study.yaml --labels "$labels" --gold "{dev: $gold}" \
        --out "$out" --consensus "$consensus" --sizes 1500 --seeds 1,2,3 --json "$out-$name.json" "$@"
}

as_written=(--student.augmentation.tokenised 0 --student.augmentation.capitals 0)
any_form=(--student.trust.lowercase 1 --student.trust.hyphenated 1)
rung projected --consensus null --student.trust.learnt 0 --student.trust.masked 0 --student.trust.mentions 0 \
    "${any_form[@]}" "${as_written[@]}"
rung trust --consensus null "${any_form[@]}" "${as_written[@]}"
rung consensus "${any_form[@]}" "${as_written[@]}"
rung form "${as_written[@]}"
rung all
rung losses --losses '[{name: reverse_focal, gamma: 0.5}, {name: reverse_focal, gamma: 1},
    {name: reverse_focal, gamma: 2}, {name: reverse_focal, gamma: 1, detach_weight: false}]'
