from animegan.image.v1 import image_pb2 as _image_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NoiseMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOISE_MODE_UNSPECIFIED: _ClassVar[NoiseMode]
    NOISE_MODE_CONSTANT: _ClassVar[NoiseMode]
    NOISE_MODE_RANDOM: _ClassVar[NoiseMode]
    NOISE_MODE_NONE: _ClassVar[NoiseMode]
NOISE_MODE_UNSPECIFIED: NoiseMode
NOISE_MODE_CONSTANT: NoiseMode
NOISE_MODE_RANDOM: NoiseMode
NOISE_MODE_NONE: NoiseMode

class GenerateRequest(_message.Message):
    __slots__ = ("model", "seeds", "count", "base_seed", "truncation", "noise_mode", "format", "quality")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    BASE_SEED_FIELD_NUMBER: _ClassVar[int]
    TRUNCATION_FIELD_NUMBER: _ClassVar[int]
    NOISE_MODE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    model: str
    seeds: _containers.RepeatedScalarFieldContainer[int]
    count: int
    base_seed: int
    truncation: float
    noise_mode: NoiseMode
    format: _image_pb2.ImageFormat
    quality: int
    def __init__(self, model: _Optional[str] = ..., seeds: _Optional[_Iterable[int]] = ..., count: _Optional[int] = ..., base_seed: _Optional[int] = ..., truncation: _Optional[float] = ..., noise_mode: _Optional[_Union[NoiseMode, str]] = ..., format: _Optional[_Union[_image_pb2.ImageFormat, str]] = ..., quality: _Optional[int] = ...) -> None: ...

class GenerateResponse(_message.Message):
    __slots__ = ("model", "model_version", "images")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    model: str
    model_version: int
    images: _containers.RepeatedCompositeFieldContainer[GeneratedImage]
    def __init__(self, model: _Optional[str] = ..., model_version: _Optional[int] = ..., images: _Optional[_Iterable[_Union[GeneratedImage, _Mapping]]] = ...) -> None: ...

class GeneratedImage(_message.Message):
    __slots__ = ("seed", "image")
    SEED_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    seed: int
    image: _image_pb2.Image
    def __init__(self, seed: _Optional[int] = ..., image: _Optional[_Union[_image_pb2.Image, _Mapping]] = ...) -> None: ...

class GenerateStreamRequest(_message.Message):
    __slots__ = ("model", "seeds", "count", "base_seed", "truncation", "noise_mode", "format", "quality")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    BASE_SEED_FIELD_NUMBER: _ClassVar[int]
    TRUNCATION_FIELD_NUMBER: _ClassVar[int]
    NOISE_MODE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    QUALITY_FIELD_NUMBER: _ClassVar[int]
    model: str
    seeds: _containers.RepeatedScalarFieldContainer[int]
    count: int
    base_seed: int
    truncation: float
    noise_mode: NoiseMode
    format: _image_pb2.ImageFormat
    quality: int
    def __init__(self, model: _Optional[str] = ..., seeds: _Optional[_Iterable[int]] = ..., count: _Optional[int] = ..., base_seed: _Optional[int] = ..., truncation: _Optional[float] = ..., noise_mode: _Optional[_Union[NoiseMode, str]] = ..., format: _Optional[_Union[_image_pb2.ImageFormat, str]] = ..., quality: _Optional[int] = ...) -> None: ...

class GenerateStreamResponse(_message.Message):
    __slots__ = ("model", "model_version", "images")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    model: str
    model_version: int
    images: _containers.RepeatedCompositeFieldContainer[GeneratedImage]
    def __init__(self, model: _Optional[str] = ..., model_version: _Optional[int] = ..., images: _Optional[_Iterable[_Union[GeneratedImage, _Mapping]]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "version", "description", "kind", "resolution", "channels", "z_dim", "supports_truncation", "default_truncation", "noise_modes", "licence", "dataset", "dataset_digest", "model_sha256", "metrics", "is_default")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    Z_DIM_FIELD_NUMBER: _ClassVar[int]
    SUPPORTS_TRUNCATION_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_TRUNCATION_FIELD_NUMBER: _ClassVar[int]
    NOISE_MODES_FIELD_NUMBER: _ClassVar[int]
    LICENCE_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    DATASET_DIGEST_FIELD_NUMBER: _ClassVar[int]
    MODEL_SHA256_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    description: str
    kind: str
    resolution: int
    channels: int
    z_dim: int
    supports_truncation: bool
    default_truncation: float
    noise_modes: _containers.RepeatedScalarFieldContainer[NoiseMode]
    licence: str
    dataset: str
    dataset_digest: str
    model_sha256: str
    metrics: _containers.ScalarMap[str, float]
    is_default: bool
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., description: _Optional[str] = ..., kind: _Optional[str] = ..., resolution: _Optional[int] = ..., channels: _Optional[int] = ..., z_dim: _Optional[int] = ..., supports_truncation: _Optional[bool] = ..., default_truncation: _Optional[float] = ..., noise_modes: _Optional[_Iterable[_Union[NoiseMode, str]]] = ..., licence: _Optional[str] = ..., dataset: _Optional[str] = ..., dataset_digest: _Optional[str] = ..., model_sha256: _Optional[str] = ..., metrics: _Optional[_Mapping[str, float]] = ..., is_default: _Optional[bool] = ...) -> None: ...
