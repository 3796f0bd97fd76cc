"""Fine-tuning: data, the training loop, calibration, evaluation, the model card."""
