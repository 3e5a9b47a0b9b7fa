//! What planning and survey departments deliver: vector layers.
