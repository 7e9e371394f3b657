#!/bin/bash
# The samples of parallel text behind the figures on students in docs/results/students.md: every n-th line of each domain.
#     benchmarks/students/corpora.sh DATA/parallel corpora
set -euo pipefail
data=$1 out=$2

sample() { # language, then domain=n …
    local language=$1 pair side
    shift
    mkdir -p "$out/en-$language"
    for pair in "$@"; do
        for side in en "$language"; do
            zcat "$data/en-$language/${pair%=*}.$side.gz" | awk -v n="${pair#*=}" 'NR % n == 0' \
                > "$out/en-$language/${pair%=*}.$side"
        done
    done
}

sample de news=9 europarl=14 flores=2 ntrex=2 questions=8 tatoeba=12 ted=6 wiki=6 xquad=1
sample es news=3 europarl=14 flores=1 ntrex=2 questions=8 tatoeba=12
sample nl flores=1 ntrex=1 tatoeba=2
sample pt flores=1 ntrex=1 tatoeba=4
sample zh flores=1 ntrex=1 news=9 wiki=6
