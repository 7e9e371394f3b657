"""S3 through obstore, for what Arrow's filesystem does not have: ETags, and puts on a condition."""

import os

from obstore.store import S3Store, from_url

from xner_core.files import Location


def open_store(folder: Location) -> S3Store:
    """The store of a folder in S3; keys are relative to the folder.

    Credentials, region and endpoint come from the usual AWS environment variables (`AWS_ENDPOINT_URL` …).
    """
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    return from_url(str(folder), client_options={"allow_http": plain})
