"""Runs the gossip learning of a `lore-sim` scenario with the Python package gossipy-dfl, for a comparison.

Samples, the node of each, merging (mean of the weights, greater age), training (Pegasos, one step for each sample in
order) and the number of rounds are the same. In every round each node sends its model to one random other, and all
models arrive before the next round. The last line of the output is one JSON object. Processor seconds are those of
the rounds alone: without imports, reading the samples, and the measurement of the accuracy at the end.
"""

import argparse
import csv
import json
import time

import torch
from gossipy import set_seed
from gossipy.core import AntiEntropyProtocol, CreateModelMode, StaticP2PNetwork
from gossipy.model.handler import PegasosHandler
from gossipy.model.nn import AdaLine
from gossipy.node import GossipNode
from gossipy.simul import GossipSimulator, SimulationEventReceiver


class Counter(SimulationEventReceiver):
    """Counts models that were sent and models that were lost."""

    def __init__(self):
        self.sent = 0
        self.lost = 0

    def update_message(self, failed, msg=None):
        if failed:
            self.lost += 1
        else:
            self.sent += 1

    def update_timestep(self, t):
        pass

    def update_end(self):
        pass


class NoTest:
    """Takes the place of a data dispatcher, so that gossipy measures nothing during the rounds."""

    def has_test(self):
        return False


def read_samples(path):
    """Samples by node, and those of the test, each as a pair of points and labels."""
    rows = {}
    with open(path, newline="") as file:
        for row in csv.reader(file):
            if row[0] != "node":
                rows.setdefault(row[0], []).append([float(cell) for cell in row[1:]])
    tensors = {node: torch.tensor(numbers, dtype=torch.float32) for node, numbers in rows.items()}
    pairs = {node: (numbers[:, 1:], numbers[:, 0]) for node, numbers in tensors.items()}
    test = pairs.pop("test")
    return {int(node): pair for node, pair in pairs.items()}, test


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("samples", help="CSV that `lore-sim samples` wrote")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--lambda", dest="regularisation", type=float, required=True)
    parser.add_argument("--loss", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()

    torch.set_num_threads(1)
    set_seed(args.seed)
    by_node, test = read_samples(args.samples)
    dimensions = test[0].shape[1]
    network = StaticP2PNetwork(len(by_node))
    nodes = {}
    for number, samples in sorted(by_node.items()):
        model = PegasosHandler(AdaLine(dimensions), args.regularisation, CreateModelMode.MERGE_UPDATE)
        # A round is one step of time: all nodes send, then all models arrive.
        nodes[number] = GossipNode(number, (samples, None), 1, model, network, True)
    simulator = GossipSimulator(nodes, NoTest(), 1, AntiEntropyProtocol.PUSH, drop_prob=args.loss)
    counter = Counter()
    simulator.add_receiver(counter)

    begin = time.process_time()
    simulator.init_nodes()
    simulator.start(n_rounds=args.rounds)
    seconds = time.process_time() - begin

    # The rule of the package's own `evaluate`, which needs an old version of scikit-learn.
    points, labels = test
    models = (node.model_handler.model for node in nodes.values())
    shares = [((model(points) >= 0) == (labels > 0)).float().mean().item() for model in models]
    print()
    print(
        json.dumps(
            {
                "nodes": len(nodes),
                "rounds": args.rounds,
                "updates": counter.sent - counter.lost,
                "seconds": seconds,
                "accuracy": sum(shares) / len(shares),
            }
        )
    )


if __name__ == "__main__":
    main()
