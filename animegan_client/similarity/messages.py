"""Python values to requests of the similarity API."""

from animegan.similarity.v1 import similarity_pb2 as pb

from animegan_client.messages import FORMATS, check_names, chosen, write
from animegan_client.pictures import Picture, image
from animegan_client.similarity.types import SearchOptions


def query(picture: Picture, options: SearchOptions) -> pb.SearchQuery:
    """The query for one picture.

    Raises:
        InvalidArgumentError: a value cannot be written into its field.
        OSError: the picture's file cannot be read.
    """
    check_names(options, SearchOptions)
    message = pb.SearchQuery(image=image(picture))
    for name, value in options.items():
        if value is not None and name != "thumbnail_format":
            write(message, name, value)
    if (thumbnail_format := options.get("thumbnail_format")) is not None:
        message.thumbnail_format = chosen("thumbnail_format", thumbnail_format, FORMATS)
    return message


def explain_request(
    picture: Picture, other: int | Picture, index: str | None, definition: str | None
) -> pb.ExplainRequest:
    """The request for a pair.

    Raises:
        As `query`.
    """
    request = pb.ExplainRequest(
        image=image(picture), index=index or "", definition=definition or ""
    )
    if isinstance(other, int):
        write(request, "id", other)
    else:
        request.other_image.CopyFrom(image(other))
    return request


def image_request(image_id: int, index: str | None) -> pb.GetImageRequest:
    """The request for an image of an index.

    Raises:
        InvalidArgumentError: `image_id` is no id.
    """
    request = pb.GetImageRequest(index=index or "")
    write(request, "id", image_id)
    return request
