"""Training runs that were started with --metrics-address."""

from deploy.k8s.monitoring.dashboards.panels import (
    HERE,
    Dashboard,
    Query,
    Row,
    graph,
    number,
    numbers,
)

_RUN = "animegan_training"

DASHBOARD = Dashboard(
    "training",
    "anime-gan: training",
    "How far runs are, how fast they go, and whether they learn.",
    [
        numbers(
            "Now",
            number(
                "Done",
                "percentunit",
                f"max({_RUN}_images{{{HERE}}} / {_RUN}_target_images{{{HERE}}})",
                about="Images seen, of those that the run will see.",
            ),
            number(
                "Throughput",
                "short",
                f"sum({_RUN}_images_per_second{{{HERE}}})",
                about="Images a second, of all runs.",
            ),
            number(
                "Since the last step",
                "s",
                f"time() - max({_RUN}_last_step_timestamp_seconds{{{HERE}}})",
                about="Over 15 minutes: AnimeganTrainingStalled.",
                limit=900,
            ),
        ),
        Row(
            "Progress",
            (
                graph(
                    "Images seen",
                    "short",
                    Query(f"{_RUN}_images{{{HERE}}}", "{{run}}"),
                    Query(f"{_RUN}_target_images{{{HERE}}}", "{{run}}, target"),
                    about="Straight lines are good; steps down are resumed runs.",
                ),
                graph(
                    "Throughput",
                    "short",
                    Query(f"{_RUN}_images_per_second{{{HERE}}}", "{{run}}"),
                    about="Images a second. It falls when the resolution grows.",
                ),
                graph(
                    "Resolution",
                    "short",
                    Query(f"{_RUN}_resolution_pixels{{{HERE}}}", "{{run}}"),
                    about="Side of the pictures that are trained on now.",
                ),
            ),
        ),
        Row(
            "Learning",
            (
                graph(
                    "Losses and their like",
                    "short",
                    Query(f"{_RUN}_loss{{{HERE}}}", "{{run}} {{loss}}"),
                    about="Means since the last line of the log: losses, R1, signs of the "
                    "discriminator. What is not finite ends the run.",
                ),
                graph(
                    "Processes' memory",
                    "bytes",
                    Query(
                        f'process_resident_memory_bytes{{job="animegan-training", {HERE}}}',
                        "{{instance}}",
                    ),
                    about="Resident.",
                ),
            ),
        ),
    ],
)
