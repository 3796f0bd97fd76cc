#!/bin/sh
# Spark's discovery script: prints the GPUs of this machine as Spark wants them, {"name": "gpu", "addresses": ["0", "1"]}.
# The numbers are nvidia-smi's, which counts by PCI bus: torch does so, too, where CUDA_DEVICE_ORDER=PCI_BUS_ID.
numbers=$(nvidia-smi --query-gpu=index --format=csv,noheader) || {
    echo "gpus.sh: nvidia-smi does not answer: is this a machine with GPUs and their driver?" >&2
    exit 1
}
printf '{"name": "gpu", "addresses": [%s]}\n' "$(echo "$numbers" | sed 's/.*/"&"/' | paste -sd, -)"
