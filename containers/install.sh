#!/bin/sh
# Installs mslesion from a source tree into a virtual environment of its own, and sees that it works.
# Both containers are made by these steps, and tests/containers runs them without a container.
#
#   install.sh SOURCE TARGET [TORCH_INDEX]
#
# TORCH_INDEX is where pip takes PyTorch from; without it, from wherever pip takes all else. On Linux
# that brings gigabytes of GPU libraries, which a detection of seconds does not need.
set -eu
source=$1
target=$2
torch_index=${3:-}

python3 -m venv "$target"
install() {
    "$target/bin/python" -m pip --disable-pip-version-check --no-cache-dir install --quiet \
        --constraint "$source/constraints.txt" "$@"
}
# Alone, for an index of PyTorch need not have the pinned versions of what PyTorch needs.
install --no-deps ${torch_index:+--index-url "$torch_index"} torch
install "$source"

# Where the root is read-only, Python cannot keep what it compiles: pip did so above, at each install.
# The weights are there and whole, or this fails.
"$target/bin/python" -c "from mslesion.detector import load_detector; load_detector('default')"
"$target/bin/mslesion" --version
