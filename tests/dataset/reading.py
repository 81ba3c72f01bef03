"""What tests read out of the dataset's records."""

import json


def texts(rows) -> list[str]:
    return [prompt[-1]["content"] for prompt in rows["prompt"]]


def call(row) -> dict:
    return json.loads(row["completion"][0]["content"])
