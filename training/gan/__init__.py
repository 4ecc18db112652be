"""How GANs are trained: StyleGAN2 and DCGAN, their losses, presets and augmentation."""
