#!/usr/bin/env python3
"""Converts rho to epsilon with PyPI dp-accounting 0.6.0 and writes the results down.

Two numbers for each rho and delta: `zcdp`, the conversion of rho-zCDP through Renyi orders on a fine
grid, which ours must agree with, and `gaussian`, the exact epsilon of the Gaussian mechanism of that
rho, which no valid conversion may undercut. Only for development: the result,
privacy/golden/epsilon.json, is committed, and the Rust test that reads it needs no Python.

    python3 -m venv VENV && VENV/bin/pip install dp-accounting==0.6.0
    VENV/bin/python privacy/scripts/golden_epsilon.py
"""

import importlib.metadata
import json
import pathlib

import numpy as np
from dp_accounting import gaussian_mechanism
from dp_accounting.rdp import rdp_privacy_accountant

TARGET = pathlib.Path(__file__).resolve().parent.parent / "golden" / "epsilon.json"
RHO_NANO = [100, 10_000, 1_000_000, 5_000_000, 24_677_619, 148_065_000, 296_131_421, 500_000_000,
            1_000_000_000, 2_500_000_000]
DELTA_E18 = [1_000_000_000, 500_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 500_000_000_000_000]
ORDERS = 1 + np.geomspace(1e-2, 1e7, 40_000)


def main():
    rows = []
    for rho_nano in RHO_NANO:
        for delta_e18 in DELTA_E18:
            rho, delta = rho_nano / 1e9, delta_e18 / 1e18
            zcdp, _ = rdp_privacy_accountant.compute_epsilon(ORDERS, ORDERS * rho, delta)
            exact = gaussian_mechanism.get_epsilon_gaussian((2 * rho) ** -0.5, delta)
            rows.append({"rho_nano": rho_nano, "delta_e18": delta_e18,
                         "zcdp": round(float(zcdp), 9), "gaussian": round(float(exact), 9)})
    version = importlib.metadata.version("dp-accounting")
    body = ",\n".join("    " + json.dumps(row) for row in rows)
    TARGET.write_text('{\n  "source": "dp-accounting %s",\n  "rows": [\n%s\n  ]\n}\n' % (version, body))


if __name__ == "__main__":
    main()
