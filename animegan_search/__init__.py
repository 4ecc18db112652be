"""Search among the training images: exactly by SSIM (`ssim`), and for changed copies (`copies`)."""
