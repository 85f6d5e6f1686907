"""A small network as mmsegmentation describes one, for `golden.toml`."""

norm_cfg = dict(type="SyncBN", requires_grad=True)
model = dict(
    type="EncoderDecoder",
    data_preprocessor=dict(type="SegDataPreProcessor", mean=[127.5] * 3, std=[127.5] * 3, bgr_to_rgb=True),
    backbone=dict(
        type="ResNetV1c", depth=18, stem_channels=8, base_channels=8, norm_cfg=norm_cfg, strides=(1, 1, 1, 1)
    ),
    decode_head=dict(
        type="FCNHead",
        in_channels=64,
        channels=8,
        num_convs=1,
        num_classes=11,
        norm_cfg=norm_cfg,
        loss_decode=dict(type="CrossEntropyLoss", loss_weight=1.0),
    ),
    auxiliary_head=dict(
        type="FCNHead",
        in_channels=32,
        in_index=2,
        channels=8,
        num_convs=1,
        num_classes=11,
        norm_cfg=norm_cfg,
        loss_decode=dict(type="CrossEntropyLoss", loss_weight=0.4),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode="whole"),
)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="AdamW", lr=0.01, weight_decay=0.02))
