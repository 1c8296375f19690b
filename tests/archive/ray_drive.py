"""Runs an archive on a cluster of two nodes on this machine: ray_drive.py IN OUT KILL_AFTER.

With KILL_AFTER above 0, the second node is killed once that many pages are done.
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from pagereader.archive import progress, run_archive
from pagereader.archive.ray import RayWorkers
from pagereader.errors import PagereaderError
from pagereader.options import Options
from pagereader.outputs import OutputPlan
from pagereader.sources import find_inputs
from tests.archive.fakes import FakeWorker, NoModel


def main() -> int:
    source, out, kill_after, model = sys.argv[1:5]
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    second = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    done = threading.Event()

    def kill_second_node() -> None:
        while not done.is_set() and len(list(Path(out).rglob("*.txt"))) < int(kill_after):
            time.sleep(0.02)
        if not done.is_set():
            cluster.remove_node(second, allow_graceful=False)
            print("killed", file=sys.stderr)

    if int(kill_after):
        threading.Thread(target=kill_second_node, daemon=True).start()
    files = list(find_inputs([source], recursive=True))
    make = FakeWorker if model == "fake" else NoModel
    try:
        summary = run_archive(
            files,
            OutputPlan(f"{out}/", ["page", "hocr", "txt", "json"], files),
            Options(recognizer="null", page_timeout=10.0),
            workers=lambda options, formats: RayWorkers(options, formats, None, make),
            progress=progress("quiet"),
        )
    except PagereaderError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    finally:
        done.set()
        ray.shutdown()
        cluster.shutdown()
    print(summary.as_json())
    return int(summary.exit_code)


if __name__ == "__main__":
    sys.exit(main())
