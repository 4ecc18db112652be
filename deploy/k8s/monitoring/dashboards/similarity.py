"""The similarity service, its indexes, and how original the pictures are."""

from deploy.k8s.monitoring.dashboards import service, triton
from deploy.k8s.monitoring.dashboards.panels import HERE, Dashboard, Query, Row, graph, heat

_BEST = "animegan_similarity_best_ssim"

ORIGINALITY = Row(
    "Originality",
    (
        heat(
            "SSIM to the nearest image",
            "short",
            f"sum by (le) (increase({_BEST}_bucket{{{HERE}}}[$__rate_interval]))",
            about="All audited pictures. New faces lie at 0.3 to 0.5, copies near 1.",
        ),
        graph(
            "p50 and p90 by model",
            "short",
            Query(
                f"histogram_quantile(0.5, sum by (model, le) (rate({_BEST}_bucket{{{HERE}}}[6h])))",
                "{{model}} p50",
            ),
            Query(
                f"histogram_quantile(0.9, sum by (model, le) (rate({_BEST}_bucket{{{HERE}}}[6h])))",
                "{{model}} p90",
            ),
            about="Over 6 hours. 0.05 more than in the week before: AnimeganOriginalityDrift.",
        ),
        graph(
            "Near copies",
            "percentunit",
            Query(
                f'1 - sum by (model) (rate({_BEST}_bucket{{le="0.9", {HERE}}}[1h])) '
                f"/ sum by (model) (rate({_BEST}_count{{{HERE}}}[1h]))",
                "{{model}}",
            ),
            about="Audited pictures with an SSIM above 0.9 to an image of the index.",
            limit=0.01,
        ),
    ),
)

INDEXES = Row(
    "Indexes",
    (
        graph(
            "Shards that nobody serves",
            "short",
            Query(
                f"max by (index) (animegan_similarity_index_shards{{{HERE}}}) "
                f"- min by (index) (animegan_similarity_index_shards_served{{{HERE}}})",
                "{{index}}",
            ),
            about="Good: 0. Searches of an index that lacks a shard fail.",
        ),
        graph(
            "Indexes that cannot be searched",
            "short",
            Query(f"max by (index) (animegan_similarity_index_unusable{{{HERE}}})", "{{index}}"),
            about="Damaged, or in different states on different Tritons. Good: none.",
        ),
    ),
)

DASHBOARD = Dashboard(
    "similarity",
    "anime-gan: similarity",
    "SimilarityService: exact search, the indexes, and how near the pictures come.",
    [
        *service.rows("similarity"),
        ORIGINALITY,
        INDEXES,
        *triton.model_rows("animegan-triton-similarity"),
    ],
)
