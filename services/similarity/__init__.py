"""The similarity service: exact SSIM search of training sets."""
